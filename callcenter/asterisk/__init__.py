"""The adapter to Asterisk: AMI connection, translation in both directions, configuration files, the process."""
