"""What the bot serves over HTTP when WEB_ADDRESS is set."""
