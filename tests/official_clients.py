#!/usr/bin/env python3
"""Runs Twilio's own clients against the sandbox, and checks that they read the right status and code.

Run by hand, from the crate's folder, with network access to the package registries:

    python3 tests/official_clients.py

It builds the example `sandbox`, installs the newest official clients for Python (pip) and Node.js (npm) into a
temporary folder, starts a sandbox for each, and prints what it read. A client whose installer is missing is skipped.
It fails if a client reads an unexpected status or code, or if no client could be run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

# Both programs read one JSON request per line, and answer each with one line.
PYTHON = r"""
import json, re, sys
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

for line in sys.stdin:
    ask = json.loads(line)
    client = Client(ask["user"], ask["password"], ask["account"])
    client.api.base_url = ask["base"]
    params = {re.sub("(?<!^)(?=[A-Z])", "_", name).lower(): value for name, value in ask["params"].items()}
    payments = client.calls(ask["call"]).payments
    try:
        done = payments(ask["sid"]).update(**params) if ask["sid"] else payments.create(**params)
        answer = {"status": 200, "code": 0, "sid": done.sid}
    except TwilioRestException as error:
        answer = {"status": error.status, "code": error.code}
    print(json.dumps(answer), flush=True)
"""

NODE = r"""
const twilio = require("twilio");
const lines = require("readline").createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    const ask = JSON.parse(line);
    const client = twilio(ask.user, ask.password, { accountSid: ask.account });
    client.api.baseUrl = ask.base;
    const params = {};
    for (const [name, value] of Object.entries(ask.params)) params[name[0].toLowerCase() + name.slice(1)] = value;
    const call = client.calls(ask.call);
    let answer;
    try {
      const done = ask.sid ? await call.payments(ask.sid).update(params) : await call.payments.create(params);
      answer = { status: 200, code: 0, sid: done.sid };
    } catch (error) {
      answer = { status: error.status, code: error.code };
    }
    console.log(JSON.stringify(answer));
  }
})();
"""


class Program:
    """A child process that answers line by line."""

    def __init__(self, command, **options):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **options
        )

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def hear(self, start=""):
        for line in self.child.stdout:
            if line.startswith(start):
                return line[len(start) :].strip()
        raise SystemExit(f"{self.child.args[0]} ended early")

    def end(self):
        self.child.terminate()
        self.child.wait()


def install_python(folder):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = os.path.join(folder, "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "twilio"], check=True)
    return Program([python, "-c", PYTHON])


def install_node(folder):
    os.mkdir(folder)
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, "twilio"], check=True)
    return Program(["node", "-e", NODE], cwd=folder)


def check(name, client):
    """Runs all cases, and returns how many were not read as expected."""
    sandbox = Program(["target/debug/examples/sandbox"])
    labels = ["Base URL", "Account SID", "Auth token", "API key SID", "API key secret", "Bearer token", "Call SID"]
    base, account, token, key, secret, bearer, call = [sandbox.hear(label) for label in labels]
    wrong = 0
    number = 0

    def ask(case, expected, sid="", password=token, user=account, on=call, **params):
        nonlocal wrong, number
        number += 1
        params = {"IdempotencyKey": str(number), "StatusCallback": "http://127.0.0.1:9/", **params}
        request = dict(user=user, password=password, account=account, base=base, call=on, sid=sid, params=params)
        client.say(json.dumps(request))
        answer = json.loads(client.hear())
        read = (answer["status"], answer["code"])
        wrong += read != expected
        verdict = "" if read == expected else f", but expected {expected}"
        print(f"{name:8} {case:28} {read[0]} {read[1]}{verdict}")
        return answer.get("sid", "")

    good = (200, 0)
    ask("bad credentials", (401, 20003), password="wrong")
    ask("unknown call", (404, 20404), on="CA" + "0" * 32)
    ask("wrong value", (400, 64020), Timeout=601)
    ask("wrong amount", (400, 64003), ChargeAmount=1.005)
    ask("unknown connector", (400, 64004), PaymentConnector="Elsewhere")
    sandbox.say("f 429")
    sandbox.hear("the next request fails")
    ask("rate limit", (429, 20429))
    session = ask("signed in by auth token", good, ChargeAmount=9.99)
    ask("second session", (400, 64021))
    ask("neither Capture nor Status", (400, 64018), session)
    ask("both Capture and Status", (400, 64018), session, Capture="postal-code", Status="cancel")
    ask("early complete", (400, 64019), session, Status="complete")
    ask("the session goes on", good, session, Capture="payment-card-number")
    ask("cancel", good, session, Status="cancel")
    ask("finished session", (400, 20409), session, Status="complete")
    session = ask("signed in by API key", good, user=key, password=secret)
    ask("cancel", good, session, Status="cancel")
    sandbox.say("h")
    sandbox.hear("the call has ended")
    ask("ended call", (400, 21220))

    # The official clients only take a bearer token from the token endpoint.
    url = f"{base}/2010-04-01/Accounts/{account}/Calls/{call}/Payments.json"
    for authorization, meant in [(f"Bearer {bearer}", 400), ("Bearer wrong", 401)]:
        try:
            headers = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
            body = b"IdempotencyKey=b&StatusCallback=/"
            urllib.request.urlopen(urllib.request.Request(url, body, headers))
            status = 200
        except urllib.error.HTTPError as error:
            status = error.code
        wrong += status != meant
    client.end()
    sandbox.end()
    return wrong


def main():
    subprocess.run(["cargo", "build", "--quiet", "--example", "sandbox"], check=True)
    wrong, clients = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, needed, install in [("Python", sys.executable, install_python), ("Node.js", "npm", install_node)]:
            if shutil.which(needed):
                clients += 1
                wrong += check(name, install(os.path.join(folder, name)))
            else:
                print(f"{name:8} left out: there is no {needed}")
    print(f"{clients} clients, {wrong} wrong")
    sys.exit(1 if wrong or not clients else 0)


if __name__ == "__main__":
    main()
