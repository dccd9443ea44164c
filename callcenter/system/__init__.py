"""What we ask of the operating system in more than one room: files replaced in one piece, programs run to their end."""
