"""Commands for people, beside `pulumi` itself."""
