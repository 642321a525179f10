"""How clients of other languages write a request: what is sent, byte by byte, as their code does it.

Their packages are in registries that not every machine reaches. They are generated from one description, so that paths
and parameters are those of the client for Python; what is their own is here: the order of parameters, what is escaped,
which methods have a body, how an empty object, a number and a moment are written.
"""

import gzip
import hmac
import http.client
import json
import ssl
import time
from decimal import Decimal
from hashlib import sha1
from urllib.parse import quote_plus

ANSWER_WITHIN_S = 60

# Certificates are the business of other tests.
UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE


def whole_numbers_short(number):
    return str(int(number)) if number == int(number) else repr(number)


def with_exponent(number):
    """As Java writes a double: 1.75E9 from ten million on."""
    if abs(number) < 1e7:
        return repr(number)
    digits, exponent = Decimal(repr(number)).normalize().as_tuple()[1:]
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if number < 0 else ''}{digits[0]}.{fraction}E{exponent + len(digits) - 1}"


class Dialect:
    """What the clients have in common; each says what it does in another way."""

    content_type = "application/json"
    headers = {}
    methods_with_body = ("PUT", "POST", "DELETE")
    empty_object = "{}"
    # Whether an entry of a batch that has no parameters says so.
    has_empty_params = False

    def arrange(self, parameters):
        """Query parameters in the order in which they are written."""
        return list(parameters.items())

    def number(self, value):
        return repr(value)

    def escape(self, text):
        return quote_plus(text)

    def text(self, value):
        """A text in JSON."""
        return json.dumps(value, ensure_ascii=False)

    def moment(self, seconds):
        return seconds

    def in_query(self, value):
        if isinstance(value, (list, tuple, set)):
            return self.escape(",".join(value))
        if isinstance(value, bool):
            return str(value).lower()
        return self.escape(self.number(value) if isinstance(value, (int, float)) else value)

    def encode(self, value):
        """A value as JSON."""
        if isinstance(value, dict):
            if not value:
                return self.empty_object
            entries = (f"{self.text(name)}:{self.encode(entry)}" for name, entry in self.arrange(value))
            return "{" + ",".join(entries) + "}"
        if isinstance(value, (list, tuple)):
            return "[" + ",".join(map(self.encode, value)) + "]"
        if isinstance(value, (set, frozenset)):
            return self.encode(sorted(value))
        if value is None or isinstance(value, bool):
            return json.dumps(value)
        return self.number(value) if isinstance(value, (int, float)) else self.text(value)

    def parameters(self, given):
        """The parameters as the language hands them to its client."""
        return {name: self.moment(value) if name == "timestamp" else value for name, value in given.items()}

    def body(self, request):
        """The parameters of the body; those of a batch are its entries."""
        entries = getattr(request, "requests", None)
        if entries is None:
            return self.parameters(request.get_body_parameters())
        rest = {name: value for name, value in request.get_body_parameters().items() if name != "requests"}
        return {"requests": [self.entry(entry) for entry in entries], **rest}

    def entry(self, request):
        entry = {"method": request.method.upper(), "path": request.path}
        params = self.parameters({**request.get_query_parameters(), **request.get_body_parameters()})
        if params or self.has_empty_params:
            entry["params"] = params
        return entry

    def target(self, database, token, request):
        """Path and query, signed."""
        path = f"/{database}{request.path}"
        query = [(n, self.in_query(v)) for n, v in self.arrange(self.parameters(request.get_query_parameters()))]
        path += self.write_query([*query, ("hmac_timestamp", str(int(time.time())))])
        return f"{path}&hmac_sign={hmac.new(token.encode(), path.encode(), sha1).hexdigest()}"

    def write_query(self, query):
        return "?" + "&".join(f"{name}={value}" for name, value in query)

    def send(self, address, database, token, request):
        """The status and the answer."""
        connection = http.client.HTTPSConnection(address, timeout=ANSWER_WITHIN_S, context=UNVERIFIED)
        method = request.method.upper()
        has_body = method in self.methods_with_body
        body = self.encode(self.body(request)).encode() if has_body else b""
        connection.putrequest(method, self.target(database, token, request), skip_accept_encoding=True)
        headers = {"User-Agent": self.user_agent, **self.headers}
        if has_body:
            headers |= {"Content-Type": self.content_type, "Content-Length": str(len(body))}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return answer.status, json.loads(content)


class Php(Dialect):
    """recombee/php-api-client, read at 5.1.1: json_encode and urlencode over Guzzle."""

    user_agent = "recombee-php-api-client/5.1.1"
    # An array without elements is a list.
    empty_object = "[]"

    def number(self, value):
        return whole_numbers_short(value)

    def escape(self, text):
        return quote_plus(text).replace("~", "%7E")


class Ruby(Dialect):
    """recombee_api_client, read at 5.0.0: to_json and CGI.escape over HTTParty."""

    user_agent = "recombee-ruby-api-client/5.0.0"
    headers = {"Accept-Encoding": "gzip;q=1.0,deflate;q=0.6,identity;q=0.3", "Accept": "*/*"}

    def in_query(self, value):
        if isinstance(value, (list, tuple, set)):
            return ",".join(map(self.escape, value))
        return super().in_query(value)


class Go(Dialect):
    """github.com/recombee/go-api-client, read at 6.1.0: all parameters of the query sorted, a body in every request."""

    user_agent = "recombee-go-api-client/6.1.0"
    headers = {"Accept-Encoding": "gzip"}
    methods_with_body = ("GET", "PUT", "POST", "DELETE")
    has_empty_params = True

    def arrange(self, parameters):
        return sorted(parameters.items())

    def number(self, value):
        return whole_numbers_short(value)

    def text(self, value):
        escaped = json.dumps(value, ensure_ascii=False)
        for character in "<>&":
            escaped = escaped.replace(character, f"\\u{ord(character):04x}")
        return escaped

    def write_query(self, query):
        return super().write_query(sorted(query))


class Java(Dialect):
    """com.recombee:api-client, read at 4.1.0: Jackson and URLEncoder over OkHttp; maps have no order."""

    user_agent = "recombee-java-api-client/4.1.0"
    content_type = "application/json; charset=utf-8"
    headers = {"Accept-Encoding": "gzip", "Connection": "Keep-Alive"}

    def arrange(self, parameters):
        return sorted(parameters.items(), key=lambda entry: entry[0][::-1])

    def number(self, value):
        return with_exponent(value) if isinstance(value, float) else repr(value)

    def moment(self, seconds):
        return float(seconds)

    def escape(self, text):
        return quote_plus(text, safe="*").replace("~", "%7E")


DIALECTS = [Php(), Ruby(), Go(), Java()]
