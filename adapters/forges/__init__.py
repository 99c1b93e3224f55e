"""How do git hosts take commit statuses?"""
