"""What operators register of their conversations (ESTP 5.6.2, 5.6.3), and what they see of a caller meanwhile."""
