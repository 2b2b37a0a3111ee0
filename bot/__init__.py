"""The chat bot: answers commands and delivers the reports made by `digest`."""
