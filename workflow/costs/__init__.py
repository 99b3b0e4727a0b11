"""What other cost models and an RTL design say about the same layers (`bittrue bench cost`)."""
