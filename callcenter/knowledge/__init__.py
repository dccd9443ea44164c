"""News and the knowledge base: what operators have to read, and where they look things up (ESTP 5.2, 5.4.3, 5.7)."""
