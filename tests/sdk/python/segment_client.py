"""A small shop that uses segment-analytics-python, against a real server. The environment names the binary: TASTEMAKER."""

import json
import logging
import sys
from base64 import b64encode
from datetime import datetime
from urllib.request import Request, urlopen

from segment.analytics.client import Client

from checks import Checks, equal
from server import start_server

BOOTSTRAP = """admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "web-key"
[[workspace.trait]]
key = "recommended_items"
kind = "recommended_items"
count = 5
"""


def call(path, authorization, body=None, headers=None):
    body = body if body is None else body.encode()
    with urlopen(Request(HOST + path, body, {"Authorization": authorization, **(headers or {})})) as answer:
        return json.load(answer)


def basic(user):
    return "Basic " + b64encode(f"{user}:".encode()).decode()


def profile(who, what):
    return call(f"/v1/spaces/shop/collections/users/profiles/{who}/{what}", basic("profiles"))


def recommended(who):
    return profile(who, "traits?include=recommended_items")["traits"]["recommended_items"]


def events(who):
    """Every event of a profile, read in small pages."""
    found, next_page = [], ""
    while len(found) < 100:
        page = profile(who, f"events?limit=3&next={next_page}")
        found += page["data"]
        if not page["cursor"]["has_more"]:
            return found
        next_page = page["cursor"]["next"]
    raise AssertionError("the pages of events do not end")


def ids(messages):
    return sorted(message.get("message_id") or message["messageId"] for message in messages)


def of_type(messages, *types):
    return [message for message in messages if message["type"] in types]


def product(id_, price):
    return {"product_id": id_, "name": f"The {id_}", "price": price, "quantity": 1}


MUG, TEAPOT, KETTLE = product("mug", 9.5), product("teapot", 40), product("kettle", 55)
TRAY, SPOON = product("tray", 18), product("spoon", 3)
TRAITS = {"name": "Alice", "email": "alice@example.com", "age": 34, "vip": True, "address": {"city": "Graz"}}

check = Checks("segment-python")
HOST, _ = start_server(BOOTSTRAP)
# The SDK logs every error that it also gives to its callback.
logging.getLogger("segment").addHandler(logging.NullHandler())

errors, sent = [], []
# Batches of four: a flush sends several.
client = Client("web-key", host=HOST, upload_size=4, on_error=lambda error, batch: errors.append(error))


def send(method, **arguments):
    is_queued, message = method(**arguments)
    assert is_queued
    sent.append(message)


def view(item, **who):
    send(client.track, event="Product Viewed", properties=item, **who)


def order(order_id, products, **who):
    total = sum(line["price"] for line in products)
    properties = {"order_id": order_id, "currency": "EUR", "total": total, "products": products}
    send(client.track, event="Order Completed", properties=properties, **who)


for who, item in [("ben", KETTLE), ("ben", TRAY), ("ben", MUG), ("cleo", SPOON), ("cleo", TEAPOT)]:
    view(item, user_id=who)
for event in ["Products Searched", "Product List Viewed", "Product Clicked"]:
    of_event = {"query": "tea", "products": [KETTLE, TRAY], "product_id": "kettle"}
    send(client.track, event=event, properties=of_event, user_id="ben")
order("order-1", [KETTLE, TRAY], user_id="ben")
order("order-2", [TEAPOT, SPOON, TRAY], user_id="cleo")
send(client.page, anonymous_id="browser-1", name="Home", properties={"path": "/"})
view(MUG, anonymous_id="browser-1")
view(KETTLE, anonymous_id="browser-1")
order("order-3", [SPOON], user_id="alice@old-shop")
client.flush()
send(client.identify, user_id="alice", anonymous_id="browser-1", traits=TRAITS)
client.flush()
send(client.group, user_id="alice", group_id="tea-club", traits={"plan": "gold"})
send(client.screen, user_id="alice", name="Basket", properties={"n_items": 2})
order("order-4", [MUG, TEAPOT], user_id="alice")
send(client.alias, previous_id="alice@old-shop", user_id="alice")
client.shutdown()
hers = [m for m in sent if m["userId"] in ("alice", "alice@old-shop") or m["anonymousId"] == "browser-1"]


@check
def every_call_is_delivered():
    equal(errors, [])
    equal(len(sent), 19)
    rejections = call("/api/workspaces/shop/rejections", "Bearer admin")
    equal((rejections["total"], rejections["latest"]), (0, []))


@check
def every_track_is_among_the_events_exactly_once():
    equal(len(of_type(hers, "track")), 4)
    equal(ids(of_type(events("user_id:alice"), "track")), ids(of_type(hers, "track")))
    equal(ids(events("user_id:ben")), ids(m for m in sent if m["userId"] == "ben"))


@check
def events_that_no_preset_takes_are_told():
    found = call("/api/workspaces/shop/events", "Bearer admin")["not_taken"]
    equal([(event["event"], event["count"]) for event in found], [("Products Searched", 1)])


@check
def a_track_keeps_its_properties_and_its_time():
    [event] = [e for e in events("user_id:alice") if e["properties"].get("order_id") == "order-4"]
    [message] = [m for m in sent if m.get("properties", {}).get("order_id") == "order-4"]
    equal(event["properties"], message["properties"])
    equal(event["context"]["library"]["name"], "analytics-python")
    times = [datetime.fromisoformat(text) for text in (event["timestamp"], message["timestamp"])]
    assert abs((times[0] - times[1]).total_seconds()) < 5, times


@check
def page_and_screen_are_among_the_events():
    found = events("user_id:alice")
    equal(ids(of_type(found, "page", "screen")), ids(of_type(hers, "page", "screen")))
    equal([event["name"] for event in of_type(found, "page", "screen")], ["Basket", "Home"])


@check
def identify_sets_the_traits():
    found = profile("user_id:alice", "traits")["traits"]
    equal({key: found[key] for key in found if not key.startswith("recommended_items")}, TRAITS)


@check
def identify_links_the_anonymous_history():
    found = events("user_id:alice")
    before = [m for m in sent if m["anonymousId"] and m["type"] != "identify"]
    equal(set(ids(before)) - set(ids(found)), set())
    equal(events("anonymous_id:browser-1"), found)
    external_ids = [(id_["type"], id_["id"]) for id_ in profile("user_id:alice", "external_ids")["data"]]
    assert ("anonymous_id", "browser-1") in external_ids, external_ids


@check
def alias_links_the_old_id():
    found = events("user_id:alice")
    assert "order-3" in [event["properties"].get("order_id") for event in found], found
    equal(events("user_id:alice@old-shop"), found)


@check
def recommended_items_leaves_out_what_she_has_bought_under_any_id():
    items = recommended("user_id:alice")
    assert isinstance(items, list), items
    equal({"kettle", "tray"} - set(items), set())
    equal({"mug", "teapot", "spoon"} & set(items), set())


@check
def recommended_items_holds_goods_only_once_there_is_a_catalog():
    items = "item_id\nmug\nteapot\nkettle\ntray\nspoon\n"
    call("/api/workspaces/shop/catalog", "Bearer admin", items, {"Content-Type": "text/csv"})
    equal(sorted(recommended("user_id:alice")), ["kettle", "tray"])


@check
def the_same_batch_again_adds_nothing():
    people = ["user_id:alice", "user_id:ben", "user_id:cleo"]
    before = [(events(who), recommended(who)) for who in people]
    headers = {"Content-Type": "application/json", "X-Tastemaker-Strict": "1"}
    answer = call("/v1/batch", basic("web-key"), json.dumps({"batch": sent}), headers)
    equal([message["status"] for message in answer["messages"]], ["duplicate"] * len(sent))
    equal([(events(who), recommended(who)) for who in people], before)


@check
def gzipped_batches_arrive():
    zipped = Client("web-key", host=HOST, gzip=True, on_error=lambda error, batch: errors.append(error))
    messages = [zipped.track("dora", "Product Viewed", item)[1] for item in (MUG, TRAY)]
    zipped.shutdown()
    equal(errors, [])
    equal(ids(events("user_id:dora")), ids(messages))


@check
def a_wrong_write_key_reaches_the_error_callback_once():
    refused = []
    wrong = Client("wrong-key", host=HOST, on_error=lambda error, batch: refused.append((error.status, ids(batch))))
    _, message = wrong.track("alice", "Lost")
    wrong.shutdown()
    equal(refused, [(401, ids([message]))])
    assert "Lost" not in [event["event"] for event in events("user_id:alice")]


sys.exit(1 if check.n_failed else 0)
