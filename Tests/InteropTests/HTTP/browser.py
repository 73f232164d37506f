"""Chromium, driven by Playwright: a site's pages, a download, HTTP/2, WebSocket through the proxy; and the administration pages with
and without scripts, wide and on a phone, looked over by axe."""
import base64
import hashlib
import json
import os
import socket
import sys
import threading

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from kit import Lab

program, folder = sys.argv[1:3]
# Text of a stranger that would act if it were taken for markup.
MARKUP = "<img src=x onerror=document.title='stolen'>"


def exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data


def echo(stream):
    """A WebSocket server of one connection: what comes goes back, in capitals (RFC 6455, short text frames)."""
    try:
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(4096)
        key = next(line.split(b":", 1)[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:
            kind, size = exactly(stream, 2)
            mask = exactly(stream, 4)
            text = bytes(octet ^ mask[n % 4] for n, octet in enumerate(exactly(stream, size & 0x7F)))
            if kind & 0x0F == 8:
                return
            stream.sendall(bytes([0x81, len(text)]) + text.upper())
    except (ConnectionError, StopIteration):
        pass
    finally:
        stream.close()


def upstream():
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            stream, _ = server.accept()
            threading.Thread(target=echo, args=(stream,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def site(browser, lab):
    large = os.urandom(3_000_000)
    open(f"{lab.data}/site/large.bin", "wb").write(large)
    open(f"{lab.data}/site/page.html", "w").write("<!doctype html><title>a page</title><a href=large.bin download>get</a>")
    origin = f"https://localhost:{lab.port['https']}"
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    protocols = []
    session = context.new_cdp_session(page)
    session.on("Network.responseReceived", lambda event: protocols.append(event["response"]["protocol"]))
    session.send("Network.enable")
    page.goto(f"{origin}/page.html")
    row = {"title": page.title(), "protocol": protocols[:1]}
    with page.expect_download() as download:
        page.click("a")
    row["download"] = open(download.value.path(), "rb").read() == large
    row["echo"] = page.evaluate(
        """url => new Promise((done, failed) => {
             const socket = new WebSocket(url)
             socket.onopen = () => socket.send("over the proxy")
             socket.onmessage = event => { done(event.data); socket.close() }
             socket.onerror = () => failed("no WebSocket")
           })""", f"wss://localhost:{lab.port['https']}/ws")
    context.close()
    return row


def screens(browser, lab, scripts, width):
    """Every screen of an administrator; what was wrong with any."""
    context = browser.new_context(
        ignore_https_errors=True, java_script_enabled=scripts, viewport={"width": width, "height": 800}, base_url=lab.admin)
    page = context.new_page()
    wrong, outside = [], []
    page.on("request", lambda request: outside.append(request.url) if not request.url.startswith(lab.admin) else None)
    page.goto("/")
    page.fill("[name=name]", lab.name)
    page.fill("[name=password]", lab.password)
    page.click("button")
    if not page.get_by_role("button", name="log out").count():
        wrong.append("no log-in")
    page.goto("/c/account/add")
    page.fill("[name='p.NAME']", f"guest{width}{'s' if scripts else ''}")
    page.fill("[name='o.display-name']", MARKUP)
    page.check("[name='o.generate']")
    page.click("main button")
    if "is added" not in page.inner_text("main"):
        wrong.append("account add: " + page.inner_text("main")[:200])
    name = f"guest{width}{'s' if scripts else ''}@lab.test"
    page.goto("/c/show/accounts")
    page.click(f"text={name}")
    if MARKUP not in page.inner_text("main"):
        wrong.append("a person's page lacks its text")
    person = page.url.removeprefix(lab.admin)
    page.click("text=account app-password add")
    page.fill("[name='p.LABEL']", "a+b phone")
    page.click("main button")
    page.goto(person)
    page.click("a:text-is('remove')")
    if page.input_value("[name='p.LABEL']") != "a+b phone":
        wrong.append("a row's link has another label: " + page.input_value("[name='p.LABEL']"))
    page.click("main button")
    if "removed" not in page.inner_text("main"):
        wrong.append("app password: " + page.inner_text("main")[:200])
    page.goto("/c/show/sessions")
    if not page.locator("a:text-is('end')").count():
        wrong.append("no session can be ended")
    page.goto("/commands")
    paths = ["/", "/commands", person] + [link.get_attribute("href") for link in page.locator("main a").all()]
    for path in paths + [link.get_attribute("href") for link in page.locator("nav a").all()]:
        if page.goto(path).status != 200:
            wrong.append(f"{path}: not there")
        if page.locator("main .failure").count():
            wrong.append(f"{path}: {page.inner_text('main .failure')}")
        if "stolen" in page.title() or page.locator("img").count():
            wrong.append(f"{path}: markup of a stranger")
        if scripts and page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{path}: wider than the screen")
    found = {}
    if scripts:
        # Its script comes in through the browser's own tools, which no policy of the page holds back.
        for path in ("/", "/commands", person, "/c/show/accounts", "/c/account/add", "/c/show/zone?p.ZONE=lab.test"):
            page.goto(path)
            for violation in Axe().run(page).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    found[f"{path} {violation['id']}"] = [node["html"][:120] for node in violation["nodes"][:2]]
    page.goto("/")
    page.screenshot(path=f"{folder}/overview-{width}.png")
    page.goto(person)
    page.screenshot(path=f"{folder}/person-{width}.png", full_page=True)
    context.close()
    return {"screens": len(paths), "wrong": wrong, "axe": found, "outside": outside}


port = upstream()
lab = Lab(program, folder, [('"/acme" = "@acme" }', f'"/acme" = "@acme", "/ws" = "http://127.0.0.1:{port}" }}')])
lab.admin = f"https://127.0.0.1:{lab.port['admin']}"
rows = {}
try:
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        rows["site"] = site(browser, lab)
        for title, scripts, width in (("wide", True, 1280), ("phone", True, 360), ("plain", False, 1280)):
            rows[title] = screens(browser, lab, scripts, width)
        browser.close()
finally:
    lab.stop()
print(json.dumps(rows))
