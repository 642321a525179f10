"""Twilio's own library beside a destination of text messages. TASTEMAKER names the binary.

A stand-in for Twilio on this machine takes what the library sends and what the destination sends: both must be the same
call. What the stand-in reports is signed by the library's validator.
"""

import json
import sys
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote, urlencode
from urllib.request import Request, urlopen

from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from checks import Checks, equal
from server import start_server

check = Checks("twilio-python")
ACCOUNT, TOKEN = "AC0123456789abcdef0123456789abcdef", "a-token"
CONTENT = "HX0123456789abcdef0123456789abcdef"
BOOTSTRAP = """admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "write"
"""
SETTINGS = '[destinations]\nallowed_networks = ["127.0.0.0/8"]\n[training]\nenabled = false\n'
# As Twilio would reach the server through a proxy.
PUBLIC = "https://tastemaker.example/v1/twilio/write/messages"


class StandIn(BaseHTTPRequestHandler):
    """Takes each message as Twilio does."""

    calls = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.calls.append((self.path, self.headers["authorization"], self.headers["content-type"], sorted(parse_qsl(body))))
        answer = json.dumps({"sid": f"SM{len(self.calls)}", "status": "queued", "error_code": None}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class ToStandIn(TwilioHttpClient):
    """The library's client, to another host."""

    def request(self, method, url, *args, **more):
        return super().request(method, url.replace("https://api.twilio.com", STAND_IN), *args, **more)


stand_in = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
threading.Thread(target=stand_in.serve_forever, daemon=True).start()
STAND_IN = f"http://127.0.0.1:{stand_in.server_address[1]}"
HOST, _ = start_server(BOOTSTRAP, settings=SETTINGS)


def call(method, path, body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(HOST + path, data, {"content-type": "application/json", **(headers or {})}, method=method)
    with urlopen(request) as answer:
        return answer.status, answer.read()


def mapping(action, event, **fields):
    return {"name": event, "trigger": f'event = "{event}"', "action": action, "fields": fields}


DESTINATION = {
    "kind": "text_messages",
    "settings": {
        "account": ACCOUNT,
        "secret": TOKEN,
        "url": STAND_IN,
        "sender": "+15005550006",
        "whatsapp_sender": "+14155238886",
        "receipts_url": PUBLIC,
    },
    "mappings": [
        mapping("send_sms", "Order Shipped", to={"@path": "$.properties.phone"}, text="Grüße & 5 € + mehr: 100 %",
                media=["https://shop.example/a.png", "https://shop.example/b.png"]),
        mapping("send_whatsapp", "Order Paid", to={"@path": "$.properties.phone"}, template=CONTENT,
                variables={"1": "Ada", "2": {"@path": "$.properties.order_id"}}),
    ],
}
call("PUT", "/api/workspaces/shop/destinations/messages", DESTINATION, {"authorization": "Bearer admin"})


def track(event, **properties):
    message = {"writeKey": "write", "type": "track", "userId": "ann +1", "event": event, "properties": properties}
    call("POST", "/v1/track", message)


def next_call():
    """The next call that the stand-in gets, and its callback apart from its other members."""
    for _ in range(300):
        if StandIn.calls:
            path, authorization, type_, members = StandIn.calls.pop(0)
            return (path, authorization, type_, [m for m in members if m[0] != "StatusCallback"]), dict(members)
        time.sleep(0.1)
    raise AssertionError("the stand-in got no call")


def report(url, signature=None, **members):
    """The status of the answer to a report of Twilio at an address."""
    signature = signature or RequestValidator(TOKEN).compute_signature(url, members)
    headers = {"content-type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    try:
        return call("POST", url.removeprefix("https://tastemaker.example").replace(":443", ""), urlencode(members).encode(), headers)[0]
    except HTTPError as error:
        return error.code


def events(user):
    path = f"/v1/spaces/shop/collections/users/profiles/user_id:{quote(user)}/events"
    basic = "Basic " + b64encode(b"profiles:").decode()
    with urlopen(Request(HOST + path, headers={"Authorization": basic})) as answer:
        return [event for event in json.load(answer)["data"] if "Order" not in event["event"]]


library = Client(ACCOUNT, TOKEN, http_client=ToStandIn())
callbacks = []


@check
def an_sms_is_the_call_that_the_library_makes():
    track("Order Shipped", phone="+49 151 12345678")
    ours, members = next_call()
    library.messages.create(
        to="+4915112345678", from_="+15005550006", body="Grüße & 5 € + mehr: 100 %",
        media_url=["https://shop.example/a.png", "https://shop.example/b.png"],
    )
    equal(ours, next_call()[0])
    callbacks.append(members["StatusCallback"])


@check
def a_template_is_the_call_that_the_library_makes():
    track("Order Paid", phone="+4915112345678", order_id=5)
    ours, _ = next_call()
    library.messages.create(
        to="whatsapp:+4915112345678", from_="whatsapp:+14155238886", content_sid=CONTENT,
        content_variables='{"1":"Ada","2":"5"}',
    )
    equal(ours, next_call()[0])


@check
def reports_that_the_library_signs_are_taken():
    receipt = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4915112345678", "From": "+15005550006"}
    equal(report(callbacks[0], **receipt), 200)
    equal(report(callbacks[0], **receipt), 200)
    written = {"MessageSid": "SM9", "SmsStatus": "received", "From": "+4915112345678", "To": "+15005550006", "Body": "STOP"}
    equal(report(PUBLIC.replace(".example", ".example:443"), **written), 200)
    found = events("ann +1")
    equal(sorted(event["event"] for event in found), ["Notification Delivered", "Unsubscribed"])


@check
def other_reports_are_refused():
    receipt = {"MessageSid": "SM2", "MessageStatus": "delivered", "To": "+4915112345678", "From": "+15005550006"}
    signature = RequestValidator("another-token").compute_signature(PUBLIC, receipt)
    equal(report(PUBLIC, signature, **receipt), 403)
    equal(len(events("ann +1")), 2)


sys.exit(1 if check.n_failed else 0)
