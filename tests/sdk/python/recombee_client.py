"""A shop that uses recombee-api-client, against a real server. The environment names the binary: TASTEMAKER."""

import functools
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timezone

import requests
import urllib3
from recombee_api_client import api_requests as api
from recombee_api_client.api_client import RecombeeClient
from recombee_api_client.exceptions import ResponseException

from checks import Checks, equal
from server import start_server

BOOTSTRAP = """admin_token = "admin"
[[workspace]]
id = "shop"
private_token = "private"
public_token = "public"
[[workspace.scenario]]
name = "homepage"
endpoint = "recommendItemsToUser"
[[workspace.scenario]]
name = "category-list"
endpoint = "recommendItemSegmentsToUser"
segmentation = "categories"
[[workspace.scenario]]
name = "category-page"
endpoint = "recommendItemsToItemSegment"
segmentation = "categories"
"""

# No two words are close enough for a typo in one to mean the other.
NOUNS = {
    "kitchen": ["kettle", "saucepan", "colander", "toaster"],
    "garden": ["shovel", "wheelbarrow", "trellis", "sprinkler"],
    "music": ["guitar", "trumpet", "metronome", "violin"],
    "camping": ["hammock", "lantern", "tarpaulin", "rucksack"],
    "books": ["dictionary", "atlas", "thesaurus", "cookery"],
}
LOOKS = ["oaken", "scarlet", "folding", "antique", "portable", "striped", "polished", "heavy", "miniature", "golden"]
CATEGORIES = sorted(NOUNS)
ITEM_TYPES = {
    "available": "boolean",
    "category": "string",
    "name": "string",
    "photo": "image",
    "photos": "imageList",
    "price": "double",
    "released": "timestamp",
    "stock": "int",
    "tags": "set",
}
USER_TYPES = {
    "age": "int",
    "city": "string",
    "follows": "set",
    "since": "timestamp",
    "vip": "boolean",
    "weight": "double",
}
N_USERS = 400
N_INTERACTIONS = 10_000
FIRST_INTERACTION_S = 1_750_000_000

rng = random.Random(20_251)


def item(category, look, noun):
    photos = [f"https://shop.example/{look}-{noun}-{n}.jpg" for n in range(2)]
    return {
        "available": rng.random() < 0.8,
        "category": category,
        "name": f"{look} {noun}",
        "photo": photos[0],
        "photos": photos,
        "price": rng.randrange(100, 10_000) / 100,
        "released": datetime.fromtimestamp(rng.randrange(1_600_000_000, FIRST_INTERACTION_S), timezone.utc),
        "stock": rng.randrange(50),
        "tags": {look, category, "größe-ü"},
    }


CATALOG = {
    f"{look}-{noun}": item(category, look, noun)
    for category, nouns in sorted(NOUNS.items())
    for noun in nouns
    for look in LOOKS
}
ITEMS = sorted(CATALOG)
ITEMS_OF = {category: [id_ for id_ in ITEMS if CATALOG[id_]["category"] == category] for category in CATEGORIES}
USERS = [f"user-{n}" for n in range(N_USERS)]
FAVOURITE = {user: rng.choice(CATEGORIES) for user in USERS}


def interaction(n):
    """The n-th interaction; four out of five are with the user's favourite category."""
    user = rng.choice(USERS)
    item_id = rng.choice(ITEMS_OF[FAVOURITE[user]] if rng.random() < 0.8 else ITEMS)
    common = {"user_id": user, "item_id": item_id, "timestamp": FIRST_INTERACTION_S + 100 * n}
    price = CATALOG[item_id]["price"]
    kinds = {
        "view": lambda: api.AddDetailView(**common, duration=rng.randrange(600)),
        "purchase": lambda: api.AddPurchase(**common, amount=2, price=2 * price, profit=price / 2),
        "cart": lambda: api.AddCartAddition(**common, amount=1, price=price),
        "bookmark": lambda: api.AddBookmark(**common),
        "rating": lambda: api.AddRating(**common, rating=rng.randrange(-4, 5) / 4),
        "portion": lambda: api.SetViewPortion(**common, portion=rng.random(), session_id=f"session-{n}"),
    }
    return kinds[rng.choices(list(kinds), [70, 10, 8, 5, 4, 3])[0]]()


def sent_of(kind, sent):
    return [i for i in sent if isinstance(i, kind)]


INTERACTIONS = [interaction(n) for n in range(N_INTERACTIONS)]

check = Checks("recombee-python")
HOST, DATA = start_server(BOOTSTRAP, tls=True)
ADDRESS = HOST.removeprefix("https://")
client = RecombeeClient("shop", "private", options={"base_uri": ADDRESS})
send = client.send


def admin(method, path, body=None):
    answer = requests.request(method, HOST + path, json=body, headers={"Authorization": "Bearer admin"}, timeout=60)
    assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def codes(answers):
    return dict(Counter(answer["code"] for answer in answers))


def ids(answer):
    return [recommended["id"] for recommended in answer["recomms"]]


def categories(answer):
    return {CATALOG[id_]["category"] for id_ in ids(answer)}


def share(answer, category):
    return sum(CATALOG[id_]["category"] == category for id_ in ids(answer)) / len(ids(answer))


def as_read(values):
    """Values as the server gives them back: a set is a list in any order, a time is in seconds."""
    read = {}
    for name, value in values.items():
        if isinstance(value, datetime):
            value = value.timestamp()
        read[name] = sorted(value) if isinstance(value, (set, list)) else value
    return read


def refused(request, status, by=client):
    """The request must fail with this status and an error object that says why."""
    try:
        answer = by.send(request)
    except ResponseException as error:
        equal(error.status_code, status)
        body = json.loads(error.description)
        assert body["statusCode"] == status and isinstance(body["error"], str) and body["error"], body
    else:
        raise AssertionError(f"answered {answer!r} instead of {status}")


def reported(scenario):
    """The figures of a scenario, over its days and groups, and its rows."""
    answer = admin("GET", "/api/workspaces/shop/kpis")
    lists = [value for value in answer.values() if isinstance(value, list)]
    rows = [row for rows in lists for row in rows if row.get("scenario") == scenario]
    assert rows, f"nothing about {scenario}: {answer}"
    names = ("recommendations", "clicks", "purchases", "revenue")
    return {name: sum(row[name] for row in rows) for name in names}, rows


@check
def the_certificate_is_trusted():
    certificate = DATA / "tls" / "cert.pem"
    try:
        assert certificate.is_file(), "there is no tls/cert.pem in the data folder"
        os.environ["REQUESTS_CA_BUNDLE"] = str(certificate)
        requests.get(f"{HOST}/readyz", timeout=10).raise_for_status()
    except Exception:
        # The other checks are about other things.
        os.environ.pop("REQUESTS_CA_BUNDLE", None)
        requests.Session.request = functools.partialmethod(requests.Session.request, verify=False)
        urllib3.disable_warnings()
        raise


@check
def properties_of_every_type_are_listed():
    for name, type_ in ITEM_TYPES.items():
        equal(send(api.AddItemProperty(name, type_)), "ok")
    for name, type_ in USER_TYPES.items():
        equal(send(api.AddUserProperty(name, type_)), "ok")
    equal({p["name"]: p["type"] for p in send(api.ListItemProperties())}, ITEM_TYPES)
    equal({p["name"]: p["type"] for p in send(api.ListUserProperties())}, USER_TYPES)


@check
def the_catalog_reads_as_it_was_written():
    batch = [api.SetItemValues(id_, values, cascade_create=True) for id_, values in CATALOG.items()]
    equal(codes(send(api.Batch(batch))), {200: len(CATALOG)})
    for id_ in ITEMS[::40]:
        equal(as_read(send(api.GetItemValues(id_))), as_read(CATALOG[id_]))


@check
def values_of_users_change_one_by_one_and_can_be_unset():
    since = datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc)
    values = {"age": 34, "city": "Graz", "follows": {"tea", "jazz"}, "since": since, "vip": True, "weight": 0.5}
    send(api.SetUserValues("alice", values, cascade_create=True))
    equal(as_read(send(api.GetUserValues("alice"))), as_read(values))
    send(api.SetUserValues("alice", {"age": 35, "city": None}))
    equal(as_read(send(api.GetUserValues("alice"))), as_read({**values, "age": 35, "city": None}))
    send(api.DeleteUser("alice"))


@check
def items_are_listed_by_filter_and_in_pages():
    equal([id_ for offset in range(0, 200, 60) for id_ in send(api.ListItems(count=60, offset=offset))], ITEMS)
    listed = send(
        api.ListItems(
            filter="'category' == \"kitchen\" and 'price' < 50",
            return_properties=True,
            included_properties=["name", "price"],
        )
    )
    wanted = [id_ for id_ in ITEMS_OF["kitchen"] if CATALOG[id_]["price"] < 50]
    equal(listed, [{"itemId": id_, **{name: CATALOG[id_][name] for name in ("name", "price")}} for id_ in wanted])


@check
def interactions_arrive_in_batches():
    # More than one batch may hold: the client sends two.
    answers = send(api.Batch([api.AddUser(user) for user in USERS] + INTERACTIONS))
    equal(codes(answers), {201: N_USERS, 200: N_INTERACTIONS})


@check
def interactions_are_listed_as_they_were_sent():
    user = INTERACTIONS[0].user_id
    sent = [i for i in INTERACTIONS if i.user_id == user]
    purchases = sent_of(api.AddPurchase, sent)
    equal(
        sorted((p["itemId"], p["timestamp"], p["amount"], p["price"]) for p in send(api.ListUserPurchases(user))),
        sorted((p.item_id, p.timestamp, p.amount, p.price) for p in purchases),
    )
    views = sent_of(api.AddDetailView, INTERACTIONS)
    id_ = views[0].item_id
    equal(
        sorted((v["userId"], v["timestamp"], v["duration"]) for v in send(api.ListItemDetailViews(id_))),
        sorted((v.user_id, v.timestamp, v.duration) for v in views if v.item_id == id_),
    )


@check
def the_same_interactions_again_are_duplicates():
    again = sent_of(api.AddDetailView, INTERACTIONS)[:500]
    equal(codes(send(api.Batch(again))), {409: 500})


@check
def a_model_is_trained():
    run = admin("POST", "/api/workspaces/shop/training")["run"]
    while run["state"] == "running":
        time.sleep(0.05)
        run = admin("GET", f"/api/workspaces/shop/training/{run['id']}")
    equal(run["state"], "done")


@check
def recommendations_follow_the_taste_of_the_user():
    shares = [share(send(api.RecommendItemsToUser(user, 10)), FAVOURITE[user]) for user in USERS[:40]]
    # By chance it would be 0.2.
    assert sum(shares) / len(shares) > 0.5, shares


@check
def recommendations_honour_the_filter_and_return_properties():
    answer = send(
        api.RecommendItemsToUser(
            "user-1",
            10,
            filter="'available' == true and 'price' < 60",
            return_properties=True,
            included_properties=["available", "price"],
        )
    )
    equal(len(set(ids(answer))), 10)
    for recommended in answer["recomms"]:
        values = {name: CATALOG[recommended["id"]][name] for name in ("available", "price")}
        equal(recommended["values"], values)
        assert values["available"] and values["price"] < 60, recommended


@check
def the_booster_decides_what_comes_first():
    for category in CATEGORIES:
        booster = f"if 'category' == \"{category}\" then 1000000 else 1"
        equal(categories(send(api.RecommendItemsToUser("user-1", 5, booster=booster))), {category})


@check
def a_new_user_gets_recommendations_and_is_created():
    equal(len(ids(send(api.RecommendItemsToUser("newcomer", 10, cascade_create=True)))), 10)
    assert "newcomer" in send(api.ListUsers())


@check
def similar_items_are_of_the_same_category():
    for category in CATEGORIES:
        id_ = sent_of(api.AddDetailView, [i for i in INTERACTIONS if i.item_id in ITEMS_OF[category]])[0].item_id
        answer = send(api.RecommendItemsToItem(id_, None, 10))
        equal(len(set(ids(answer)) - {id_}), 10)
        assert share(answer, category) > 0.5, (id_, ids(answer))
    other = "'itemId' != context_item[\"itemId\"] and 'category' != context_item[\"category\"]"
    assert category not in categories(send(api.RecommendItemsToItem(id_, "user-1", 10, filter=other)))


@check
def next_items_go_on_without_repeats():
    answer = send(api.RecommendItemsToUser("user-2", 20, filter="'category' != \"books\"", return_properties=True))
    seen = ids(answer)
    for n in range(1, 4):
        following = send(api.RecommendNextItems(answer["recommId"], 20))
        equal((following["recommId"], following["numberNextRecommsCalls"]), (answer["recommId"], n))
        assert all(recommended["values"]["category"] != "books" for recommended in following["recomms"])
        seen += ids(following)
    equal(len(set(seen)), 80)


@check
def search_forgives_a_typo():
    queries = {"kettle": "kettle", "ketle": "kettle", "wheelbarow": "wheelbarrow", "trumpt": "trumpet"}
    for query, noun in queries.items():
        equal(set(ids(send(api.SearchItems("user-1", query, 10)))), {f"{look}-{noun}" for look in LOOKS})


@check
def search_honours_the_filter():
    cheap = {id_ for id_ in ITEMS if id_.endswith("-atlas") and CATALOG[id_]["price"] < 50}
    equal(set(ids(send(api.SearchItems("user-1", "atlas", 10, filter="'price' < 50")))), cheap)


@check
def segments_are_recommended_in_their_scenarios():
    send(api.CreatePropertyBasedSegmentation("categories", "items", "category", title="Categories"))
    equal(send(api.GetSegmentation("categories"))["title"], "Categories")
    for user in USERS[:10]:
        segments = ids(send(api.RecommendItemSegmentsToUser(user, 5, scenario="category-list")))
        equal(sorted(segments), CATEGORIES)
        assert FAVOURITE[user] in segments[:2], (user, FAVOURITE[user], segments)
    page = send(api.RecommendItemsToItemSegment("garden", "user-1", 10, scenario="category-page"))
    equal((len(ids(page)), categories(page)), (10, {"garden"}))
    refused(api.RecommendItemsToItemSegment("no-such", "user-1", 10, scenario="category-page"), 404)
    refused(api.RecommendItemSegmentsToUser("user-1", 5, scenario="homepage"), 400)


@check
def a_scenario_can_be_put_while_the_server_runs():
    refused(api.SearchItemSegments("user-1", "camping", 5, scenario="category-search"), 400)
    scenario = {"endpoint": "searchItemSegments", "segmentation": "categories"}
    admin("PUT", "/api/workspaces/shop/scenarios/category-search", scenario)
    equal(ids(send(api.SearchItemSegments("user-1", "camping", 5, scenario="category-search")))[:1], ["camping"])
    equal(
        {s["id"]: s["endpoint"] for s in send(api.ListScenarios())},
        {
            "homepage": "recommendItemsToUser",
            "category-list": "recommendItemSegmentsToUser",
            "category-page": "recommendItemsToItemSegment",
            "category-search": "searchItemSegments",
        },
    )


def purchases_of(user):
    return sorted((p["itemId"], p["timestamp"]) for p in send(api.ListUserPurchases(user)))


@check
def merging_users_moves_what_they_did():
    buyers = [p.user_id for p in sent_of(api.AddPurchase, INTERACTIONS)]
    source, target = list(dict.fromkeys(buyers))[:2]
    bought = purchases_of(source) + purchases_of(target)
    equal(send(api.MergeUsers(target, source)), "ok")
    equal(purchases_of(target), sorted(bought))
    refused(api.GetUserValues(source), 404)
    refused(api.MergeUsers(target, source), 404)


@check
def a_purchase_that_cites_a_recommendation_is_its_conversion():
    for _ in range(3):
        ignored = send(api.RecommendItemsToUser("user-3", 5, scenario="homepage"))
    answer = send(api.RecommendItemsToUser("user-4", 5, scenario="homepage"))
    first, second = ids(answer)[:2]
    send(api.AddDetailView("user-4", first, recomm_id=answer["recommId"]))
    send(api.AddPurchase("user-4", first, amount=2, price=25.5, recomm_id=answer["recommId"]))
    # It was shown, but nobody says that this came of it.
    send(api.AddPurchase("user-3", ids(ignored)[0], price=100))
    figures, rows = reported("homepage")
    equal(figures, {"recommendations": 4, "clicks": 1, "purchases": 1, "revenue": 25.5})
    assert all(row["click_through_rate"] and row["conversion_rate"] for row in rows), rows


@check
def malformed_requests_get_400():
    for request in [
        api.AddItem("***not_valid$$$"),
        api.AddItemProperty("id", "string"),
        api.AddItemProperty("size", "number"),
        api.SetItemValues(ITEMS[0], {"stock": "many"}),
        api.RecommendItemsToUser("user-1", 0),
        api.RecommendItemsToUser("user-1", 5, filter="'price' <"),
        api.RecommendItemsToUser("user-1", 5, filter="'price' + 1"),
        api.RecommendItemsToUser("user-1", 5, booster="'name'"),
        api.RecommendNextItems("not-a-uuid", 5),
        api.AddRating("user-1", ITEMS[0], 1.5),
        api.AddDetailView("user-1", ITEMS[0], timestamp="yesterday"),
    ]:
        refused(request, 400)


@check
def what_is_not_there_gets_404():
    for request in [
        api.GetItemValues("nothing"),
        api.DeleteItemProperty("nothing"),
        api.SetItemValues(ITEMS[0], {"nothing": 1}),
        api.RecommendItemsToUser("nobody", 5),
        api.RecommendItemsToItem("nothing", "user-1", 5),
        api.AddDetailView("nobody", ITEMS[0]),
        api.DeletePurchase("user-1", ITEMS[0], timestamp=1),
        api.RecommendNextItems("00000000-0000-4000-8000-000000000000", 5),
    ]:
        refused(request, 404)


@check
def what_is_there_already_gets_409():
    view = sent_of(api.AddDetailView, INTERACTIONS)[-1]
    for request in [
        api.AddItem(ITEMS[0]),
        api.AddUser("user-1"),
        api.AddItemProperty("price", "double"),
        api.CreatePropertyBasedSegmentation("categories", "items", "name"),
        view,
    ]:
        refused(request, 409)


@check
def a_wrong_token_gets_401():
    for token in ("wrong", "public"):
        refused(api.ListItems(), 401, by=RecombeeClient("shop", token, options={"base_uri": ADDRESS}))


@check
def a_token_is_rotated_while_calls_go_on_and_none_is_refused():
    in_use, n_sent, errors, is_over = [("first", client)], Counter(), [], threading.Event()

    def call_on():
        while not is_over.is_set():
            name, current = in_use[0]
            try:
                current.send(api.RecommendItemsToUser("user-1", 3))
            except Exception as error:  # whatever it is, it counts
                errors.append(error)
                return
            n_sent[name] += 1

    def wait_for(name, n):
        until = time.monotonic() + 60
        while n_sent[name] < n and not errors:
            assert time.monotonic() < until, f"{n_sent}"
            time.sleep(0.005)

    callers = [threading.Thread(target=call_on) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        wait_for("first", 20)
        tokens = "/api/workspaces/shop/tokens"
        made = admin("POST", tokens, {"name": "second", "kind": "private"})
        second = RecombeeClient("shop", made["token"], options={"base_uri": ADDRESS})
        in_use[0] = ("second", second)
        # What was signed with the first one has its answer once each caller has made several calls since.
        wait_for("second", 50)
        admin("DELETE", f"{tokens}/private")
        wait_for("second", 100)
    finally:
        is_over.set()
        for caller in callers:
            caller.join()
    equal(errors, [])
    refused(api.ListItems(), 401)
    admin("POST", tokens, {"name": "private", "kind": "private", "token": "private"})
    equal(ids(send(api.RecommendItemsToUser("user-1", 3))), ids(second.send(api.RecommendItemsToUser("user-1", 3))))


@check
def a_deleted_interaction_is_gone():
    purchase = sent_of(api.AddPurchase, INTERACTIONS)[-1]
    deletion = api.DeletePurchase(purchase.user_id, purchase.item_id, timestamp=purchase.timestamp)
    equal(send(deletion), "ok")
    assert (purchase.item_id, purchase.timestamp) not in purchases_of(purchase.user_id)
    refused(deletion, 404)


@check
def a_deleted_item_is_gone_from_everywhere():
    id_ = ids(send(api.RecommendItemsToUser("user-5", 1)))[0]
    viewer = next(view.user_id for view in sent_of(api.AddDetailView, INTERACTIONS) if view.item_id == id_)
    equal(send(api.DeleteItem(id_)), "ok")
    refused(api.GetItemValues(id_), 404)
    assert id_ not in send(api.ListItems())
    assert id_ not in ids(send(api.RecommendItemsToUser("user-5", 200)))
    assert id_ not in ids(send(api.SearchItems("user-5", CATALOG[id_]["name"], 200)))
    if viewer in send(api.ListUsers()):
        assert id_ not in [view["itemId"] for view in send(api.ListUserDetailViews(viewer))]


@check
def a_reset_erases_the_data_and_keeps_the_scenarios():
    equal(send(api.ResetDatabase()), "ok")
    equal([send(request) for request in (api.ListItems(), api.ListUsers(), api.ListItemProperties())], [[], [], []])
    equal(send(api.ListSegmentations("items")), {"segmentations": []})
    assert "homepage" in [scenario["id"] for scenario in send(api.ListScenarios())]


sys.exit(1 if check.n_failed else 0)
