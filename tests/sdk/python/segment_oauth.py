"""segment-analytics-python with OAuth, against a real server whose source requires tokens. TASTEMAKER names the binary."""

import json
import logging
import sys
from base64 import b64encode
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from segment.analytics.client import Client

from checks import Checks, equal
from server import start_server

check = Checks("segment-python oauth")
logging.getLogger("segment").addHandler(logging.NullHandler())


def make_pair():
    """A private key, and the public one, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


PRIVATE, PUBLIC = make_pair()
BOOTSTRAP = f"""admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "backend"
write_key = "backend-key"
[workspace.source.oauth]
required = true
token_secret = "0123456789abcdef0123456789abcdef"
[[workspace.source.oauth.key]]
id = "k1"
public_key = \"\"\"
{PUBLIC}\"\"\"
"""
HOST, _ = start_server(BOOTSTRAP)


def send(private, *events):
    """The statuses of the errors of a client that sends these events."""
    errors = []
    client = Client(
        "backend-key",
        host=HOST,
        max_retries=1,
        on_error=lambda error, batch: errors.append(error.status),
        oauth_client_id="shop/backend",
        oauth_client_key=private,
        oauth_key_id="k1",
        oauth_auth_server=HOST,
    )
    for event in events:
        client.track("alice", event)
        client.flush()
    client.shutdown()
    return errors


def events():
    path = "/v1/spaces/shop/collections/users/profiles/user_id:alice/events"
    basic = "Basic " + b64encode(b"profiles:").decode()
    with urlopen(Request(HOST + path, headers={"Authorization": basic})) as answer:
        return sorted(event["event"] for event in json.load(answer)["data"])


@check
def messages_arrive_with_a_token():
    equal(send(PRIVATE, "One", "Two"), [])
    equal(events(), ["One", "Two"])


@check
def a_key_of_a_stranger_gets_no_token():
    refused = send(make_pair()[0], "Stranger")
    assert refused and set(refused) == {401}, refused
    equal(events(), ["One", "Two"])


sys.exit(1 if check.n_failed else 0)
