"""Where is Slack's Web API?"""

SLACK = "https://slack.com/api/"
