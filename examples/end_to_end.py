"""A client that walks through the whole contract: register, log in, log out, reset the password, log in again.

Every answer is compared with what the contract says; the first one that differs ends the program with exit code 1.
Python's standard library is all it needs.

    npm start                                            the service, on port 5000
    python3 examples/end_to_end.py [URL] [--fresh]       --fresh: an address of its own, so that it can run again
"""

import http.client
import json
import sys
import uuid
from urllib.parse import urlencode, urljoin, urlsplit

arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
SERVICE = (arguments[0] if arguments else "http://localhost:5000").rstrip("/")
EMAIL = f"guillaume-{uuid.uuid4().hex[:8]}@holberton.io" if "--fresh" in sys.argv else "guillaume@holberton.io"
PASSWORD = "b4l0u"
NEW_PASSWORD = "t4rt1fl3tt3"


class Answer:
    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        text = response.read().decode()
        self.body = json.loads(text) if response.headers["Content-Type"] == "application/json" else text


def call(method: str, path: str, form: dict | None = None, session: str | None = None) -> Answer:
    """Send one request; redirects are not followed."""
    url = urlsplit(SERVICE + path)
    headers = {}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if session is not None:
        headers["Cookie"] = f"session_id={session}"
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        connection.request(method, url.path, body=urlencode(form) if form is not None else None, headers=headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def check(step: str, found, expected) -> None:
    if found == expected:
        print(f"ok    {step}: {json.dumps(expected)}")
        return
    print(f"FAIL  {step}\n      expected {json.dumps(expected)}\n      found    {json.dumps(found)}", file=sys.stderr)
    sys.exit(1)


def log_in(step: str, password: str) -> str:
    answer = call("POST", "/sessions", {"email": EMAIL, "password": password})
    check(step, [answer.status, answer.body], [200, {"email": EMAIL, "message": "logged in"}])
    name, _, rest = answer.headers.get("Set-Cookie", "").partition("=")
    check(f"{step}, and the cookie is there", name, "session_id")
    return rest.partition(";")[0]


def main() -> None:
    print(f"The contract at {SERVICE}, as {EMAIL}")

    try:
        answer = call("GET", "/")
    except OSError as error:
        print(f"Nothing answers at {SERVICE} ({error}). Start the service: npm start", file=sys.stderr)
        sys.exit(1)
    check("the service greets", [answer.status, answer.body], [200, {"message": "Bienvenue"}])

    answer = call("POST", "/users", {"email": EMAIL, "password": PASSWORD})
    check("register", [answer.status, answer.body], [200, {"email": EMAIL, "message": "user created"}])

    answer = call("POST", "/users", {"email": EMAIL, "password": PASSWORD})
    check("register again", [answer.status, answer.body], [400, {"message": "email already registered"}])

    answer = call("POST", "/sessions", {"email": EMAIL, "password": NEW_PASSWORD})
    check("log in with a wrong password", answer.status, 401)

    check("profile without a session", call("GET", "/profile").status, 403)

    session = log_in("log in", PASSWORD)

    answer = call("GET", "/profile", session=session)
    check("profile", [answer.status, answer.body], [200, {"email": EMAIL}])

    answer = call("DELETE", "/sessions", session=session)
    home = urljoin(f"{SERVICE}/", answer.headers.get("Location", ""))
    check("log out", [answer.status, home], [302, f"{SERVICE}/"])

    check("profile after logging out", call("GET", "/profile", session=session).status, 403)

    answer = call("POST", "/reset_password", {"email": EMAIL})
    token = answer.body.pop("reset_token", None) if isinstance(answer.body, dict) else None
    check("ask for a reset token", [answer.status, answer.body, isinstance(token, str)], [200, {"email": EMAIL}, True])

    reset = {"email": EMAIL, "reset_token": token, "new_password": NEW_PASSWORD}
    answer = call("PUT", "/reset_password", reset)
    check("set a new password", [answer.status, answer.body], [200, {"email": EMAIL, "message": "Password updated"}])

    check("the token works once", call("PUT", "/reset_password", reset).status, 403)

    check("log in with the old password", call("POST", "/sessions", {"email": EMAIL, "password": PASSWORD}).status, 401)

    log_in("log in with the new password", NEW_PASSWORD)

    print("All as the contract says.")


if __name__ == "__main__":
    main()
