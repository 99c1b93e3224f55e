"""Slack's directory and messages, through its Web API."""
