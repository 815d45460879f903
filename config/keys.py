"""The keys of a stack's config that this program reads, as Pulumi names them."""

SITE_KEY = "macvlan-ipv6:site"
SECRETS_KEY = "macvlan-ipv6:secretEnvironment"
PASSWORD_KEY = "macvlan-ipv6:sudoPassword"
PULLED_KEY = "macvlan-ipv6:imagesPulled"
TAKE_OVER_KEY = "macvlan-ipv6:takeOver"
ALL_KEYS = (SITE_KEY, SECRETS_KEY, PASSWORD_KEY, PULLED_KEY, TAKE_OVER_KEY)
SET_SECRET = f"pulumi config set --secret --path '{SECRETS_KEY}.<container>.<VARIABLE>' <value>"
