"""One conversation that has every request of the recommender API, written as the clients for PHP, Ruby, Go and Java write it.

Each of them must get, for each request, what recombee-api-client for Python gets for the same one from a workspace of
its own. The environment names the binary: TASTEMAKER.
"""

import functools
import inspect
import json
import re
from collections import defaultdict

import requests
import urllib3
from recombee_api_client import api_requests as api
from recombee_api_client.api_client import RecombeeClient
from recombee_api_client.exceptions import ResponseException
from recombee_api_client.inputs.logic import Logic

from checks import Checks
from dialects import DIALECTS
from server import start_server

SCENARIOS = {
    "segments-for-user": "recommendItemSegmentsToUser",
    "segments-for-item": "recommendItemSegmentsToItem",
    "segments-for-segment": "recommendItemSegmentsToItemSegment",
    "items-of-segment": "recommendItemsToItemSegment",
    "segments-found": "searchItemSegments",
    "composite": "compositeRecommendation",
}
WORKSPACES = ["python"] + [type(dialect).__name__.lower() for dialect in DIALECTS]
TYPES = {
    "available": "boolean",
    "price": "double",
    "released": "timestamp",
    "stock": "int",
    "tags": "set",
    "title": "string",
}
ITEMS = ["lamp", "chair", "table", "sofa", "shelf", "vase"]
USERS = ["ann", "bob", "cid"]
AT = 1_750_000_000
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def bootstrap():
    text = ""
    for workspace in WORKSPACES:
        text += f'[[workspace]]\nid = "{workspace}"\nprivate_token = "token-of-{workspace}"\n'
        for name, endpoint in SCENARIOS.items():
            text += f'[[workspace.scenario]]\nname = "{name}"\nendpoint = "{endpoint}"\nsegmentation = "kinds"\n'
    return text


def values_of(n):
    return {
        "available": n % 2 == 0,
        "price": 10.0 * n + 0.5,
        "released": AT + n,
        "stock": n,
        "tags": ["größe-ü", "a/b", "<b>&"] if n % 3 else [],
        "title": f"{ITEMS[n]} \"no. {n}\" & more",
    }


def converse(send):
    """Every request at least once, and errors of every kind; later ones use what earlier ones were answered."""
    for name, type_ in TYPES.items():
        send(api.AddItemProperty(name, type_))
        send(api.AddUserProperty(name, type_))
    send(api.AddItemProperty("title", "string"))
    send(api.AddItemProperty("other", "no-such-type"))
    send(api.ListItemProperties())
    send(api.ListUserProperties())
    send(api.GetItemPropertyInfo("price"))
    send(api.GetUserPropertyInfo("tags"))
    send(api.DeleteUserProperty("stock"))
    send(api.AddItemProperty("passing", "int"))
    send(api.DeleteItemProperty("passing"))
    for n, item in enumerate(ITEMS):
        send(api.SetItemValues(item, values_of(n), cascade_create=True))
        send(api.GetItemValues(item))
    send(api.SetItemValues("lamp", {}))
    send(api.SetItemValues("lamp", {"stock": 5.0, "price": 12_345_678.0}))
    send(api.GetItemValues("lamp"))
    send(api.SetItemValues("lamp", {"stock": "many"}))
    send(api.AddItem("rug"))
    send(api.AddItem("rug"))
    send(api.AddItem("***not_an_id$$$"))
    for user in USERS:
        send(api.AddUser(user))
    send(api.SetUserValues("ann", {"title": "Ms", "tags": ["x"], "price": None}))
    send(api.SetUserValues("new", {"title": "Mr"}, cascade_create=True))
    send(api.GetUserValues("ann"))
    send(api.ListUsers())
    send(api.ListUsers(filter='\'title\' == "Ms"', return_properties=True, included_properties=["title", "tags"]))
    send(api.ListItems())
    send(api.ListItems(count=2, offset=1, return_properties=True, included_properties=["title", "price"]))
    send(api.ListItems(filter='"a/b" in \'tags\' and \'price\' < 40 or \'title\' == "~*+ %"'))
    send(api.ListItems(filter="'no_such' > 1"))
    send(api.UpdateMoreItems("'stock' == 3", {"available": True}))
    for n, user in enumerate(USERS):
        for m, item in enumerate(ITEMS[n : n + 3]):
            at, made = AT + 100 * n + m, {"cascade_create": True}
            send(api.AddDetailView(user, item, timestamp=at, duration=30, additional_data={"from": "mail"}, **made))
            send(api.AddPurchase(user, item, timestamp=at, amount=2, price=21.0, profit=0.25, **made))
            send(api.AddRating(user, item, 0.5, timestamp=at, **made))
            send(api.AddCartAddition(user, item, timestamp=at, amount=1, price=10.5, additional_data={}, **made))
            send(api.AddBookmark(user, item, timestamp=at, **made))
            send(api.SetViewPortion(user, item, 0.5, session_id="s 1", timestamp=at, **made))
    send(api.AddDetailView("ann", "lamp", timestamp=AT))
    send(api.AddDetailView("nobody", "lamp", timestamp=AT))
    send(api.AddRating("ann", "lamp", 7, timestamp=AT))
    for kind in ("DetailViews", "Purchases", "Ratings", "CartAdditions", "Bookmarks", "ViewPortions"):
        send(getattr(api, f"ListUser{kind}")("bob"))
        send(getattr(api, f"ListItem{kind}")("table"))
    for kind in ("DetailView", "Purchase", "Rating", "CartAddition", "Bookmark"):
        send(getattr(api, f"Delete{kind}")("cid", "table", timestamp=AT + 200))
        send(getattr(api, f"Delete{kind}")("cid", "table"))
    send(api.DeleteViewPortion("cid", "table", session_id="s 1"))
    send(api.AddSeries("season"))
    send(api.AddSeries("other", cascade_create=True))
    send(api.InsertToSeries("season", "item", "lamp", 1))
    send(api.InsertToSeries("season", "item", "pilot", 2.5, cascade_create=True))
    send(api.ListSeriesItems("season"))
    send(api.RemoveFromSeries("season", "item", "lamp"))
    send(api.ListSeries())
    send(api.DeleteSeries("other", cascade_delete=True))
    send(api.CreatePropertyBasedSegmentation("kinds", "items", "tags", title="Kinds", description="by tag"))
    send(api.UpdatePropertyBasedSegmentation("kinds", title="All kinds"))
    send(api.CreateAutoReqlSegmentation("auto", "items", "{'title'}"))
    send(api.UpdateAutoReqlSegmentation("auto", expression="'tags'"))
    send(api.CreateManualReqlSegmentation("manual", "items", title="By hand"))
    send(api.UpdateManualReqlSegmentation("manual", description="ours"))
    send(api.AddManualReqlSegment("manual", "cheap", "'price' < 20", title="Cheap"))
    send(api.UpdateManualReqlSegment("manual", "cheap", "'price' < 30"))
    send(api.GetSegmentation("manual"))
    send(api.ListSegmentations("items"))
    send(api.DeleteManualReqlSegment("manual", "cheap"))
    send(api.DeleteSegmentation("auto"))
    synonym = send(api.AddSearchSynonym("couch", "sofa", one_way=True))
    send(api.ListSearchSynonyms(count=10, offset=0))
    said = {"return_properties": True, "included_properties": ["title"], "return_ab_group": True}
    listed = send(
        api.RecommendItemsToUser(
            "ann", 2, scenario="home", filter="'price' > 0", booster="if 'available' then 2 else 1.5",
            reql_expressions={"double": "'price' * 2"}, diversity=0.0, min_relevance="low", rotation_rate=0.0,
            rotation_time=3600.0, expert_settings={}, logic=Logic("recombee:default"), **said,
        )
    )
    send(api.RecommendNextItems(listed["recommId"], 2))
    send(api.RecommendItemsToUser("stranger", 3, cascade_create=True, reql_expressions={}))
    send(api.RecommendItemsToUser("unknown", 3))
    send(api.RecommendItemsToUser("ann", 3, filter="'price' >"))
    send(api.RecommendItemsToItem("sofa", "bob", 3, user_impact=0.5, **said))
    send(api.RecommendItemsToItemSegment("a/b", "ann", 3, scenario="items-of-segment", **said))
    send(api.RecommendUsersToUser("ann", 2))
    send(api.RecommendUsersToItem("table", 2, filter="'title' != null"))
    segments = send(api.RecommendItemSegmentsToUser("ann", 1, scenario="segments-for-user"))
    send(api.RecommendNextItemSegments(segments["recommId"], 1))
    send(api.RecommendItemSegmentsToItem("sofa", "ann", 2, scenario="segments-for-item"))
    send(api.RecommendItemSegmentsToItemSegment("a/b", "ann", 2, scenario="segments-for-segment"))
    send(api.SearchItems("ann", "couch", 3, **said))
    send(api.SearchItemSegments("ann", "größe", 3, scenario="segments-found"))
    send(api.CompositeRecommendation("composite", 2, user_id="ann"))
    send(api.DeleteSearchSynonym(synonym["id"]))
    send(api.DeleteAllSearchSynonyms())
    send(api.ListScenarios())
    send(
        api.Batch(
            [
                api.ListItems(),
                api.ListItems(count=1),
                api.GetItemValues("sofa"),
                api.AddItem("bed"),
                api.AddItem("bed"),
                api.AddPurchase("ann", "bed", timestamp=AT + 5, additional_data={}),
                api.DeletePurchase("ann", "bed", timestamp=AT + 5),
                api.SetItemValues("bed", {}),
                api.RecommendItemsToUser("ann", 2, reql_expressions={}),
                api.RecommendItemsToUser("ann", 2),
            ],
            distinct_recomms=True,
        )
    )
    send(api.MergeUsers("ann", "bob"))
    send(api.MergeUsers("fresh", "cid", cascade_create=True))
    send(api.DeleteMoreItems("'price' > 40"))
    send(api.DeleteItem("rug"))
    send(api.DeleteItem("rug"))
    send(api.DeleteUser("new"))
    send(api.ResetDatabase())
    send(api.ListItems())


def comparable(answer):
    """An answer without what is of one workspace or one moment: ids that were made, and its name."""
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [comparable(value) for value in answer]
    return UUID.sub("ID", answer) if isinstance(answer, str) else answer


def answers_of(exchange):
    """The answers of a conversation, for each kind of request in their order."""
    answers = defaultdict(list)

    def send(request):
        status, answer = exchange(request)
        answers[type(request).__name__].append((status, comparable(answer)))
        return answer

    converse(send)
    return answers


def from_python(client, request):
    try:
        return 200, client.send(request)
    except ResponseException as error:
        return error.status_code, json.loads(error.description)


def agree(found, wanted, dialect):
    assert len(found) == len(wanted), f"{len(found)} answers, wanted {len(wanted)}"
    for (status, answer), (wanted_status, wanted_answer) in zip(found, wanted, strict=True):
        # The client does not tell 201 from 200.
        same = (200 if status == 201 else status, answer) == (wanted_status, wanted_answer)
        assert same, f"{dialect} got {status} {answer}, wanted {wanted_status} {wanted_answer}"


def main():
    check = Checks("recombee-dialects")
    address = start_server(bootstrap(), tls=True)[0].removeprefix("https://")
    # The client itself and its certificates are tested elsewhere.
    requests.Session.request = functools.partialmethod(requests.Session.request, verify=False)
    urllib3.disable_warnings()
    client = RecombeeClient("python", "token-of-python", options={"base_uri": address})
    wanted = answers_of(functools.partial(from_python, client))
    kinds = {
        name
        for name, kind in inspect.getmembers(api, inspect.isclass)
        if issubclass(kind, api.Request) and kind is not api.Request
    }

    @check
    def the_conversation_has_every_request():
        assert kinds == set(wanted), kinds ^ set(wanted)

    @check
    def it_has_answers_of_every_kind():
        statuses = {status for answers in wanted.values() for status, _ in answers}
        assert statuses == {200, 400, 404, 409}, statuses

    for dialect in DIALECTS:
        name = type(dialect).__name__.lower()
        found = {}

        def converse_as_it(dialect=dialect, name=name, found=found):
            found |= answers_of(functools.partial(dialect.send, address, name, f"token-of-{name}"))

        converse_as_it.__name__ = f"{name}: a conversation"
        check(converse_as_it)
        for kind in sorted(wanted):

            def answers_agree(kind=kind, name=name, found=found):
                agree(found.get(kind, []), wanted[kind], name)

            answers_agree.__name__ = f"{name}: {kind}"
            check(answers_agree)
    raise SystemExit(1 if check.n_failed else 0)


main()
