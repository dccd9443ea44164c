"""What a line kept of its regulation in a month, clause by clause, from the rows of the register."""
