#!/usr/bin/env python3
"""Real clients against a running laboratory: clients.py PORT USER PASSWORD CASE, with the path of its CA in $CA.

Each case starts what it needs in an X server of its own (Xvfb), works the client by xdotool, and reads the screenshot
with `screen`. Prints what went wrong, and ends with 1 then.
"""
import os, random, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import screen

PORT, USER, PASSWORD, CASE = sys.argv[1:5]
SERVER = "127.0.0.1:" + PORT
FOLDER = tempfile.mkdtemp(prefix="rdp-interop-")
DISPLAY = None


def fail(text):
    print("FAIL:", text)
    sys.exit(1)


def x(*arguments):
    subprocess.run(["xdotool", *arguments], check=True, timeout=20, env=dict(os.environ, DISPLAY=DISPLAY))


class Display:
    def __enter__(self):
        global DISPLAY
        for _ in range(20):
            DISPLAY = ":%d" % random.randint(200, 9000)
            self.server = subprocess.Popen(
                ["Xvfb", DISPLAY, "-screen", "0", "1280x900x24", "-noreset"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            for _ in range(50):
                time.sleep(0.1)
                if self.server.poll() is not None:
                    break
                probe = subprocess.run(
                    ["xdotool", "getdisplaygeometry"], env=dict(os.environ, DISPLAY=DISPLAY), capture_output=True
                )
                if probe.returncode == 0:
                    return self
        fail("no X server")

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()


class Client:
    """A client with a desktop of 1024 by 768; `type` and `key` go to it, `wait` reads its screen."""

    columns, rows = 128, 48

    def __init__(self, *command, answers=b""):
        self.log = open(os.path.join(FOLDER, "client.log"), "wb+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env=dict(os.environ, DISPLAY=DISPLAY)
        )
        self.process.stdin.write(answers)
        self.process.stdin.flush()
        x("mousemove", "600", "500")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Under a test runner SIGTERM may be blocked, which children inherit.
        self.process.kill()
        self.process.wait()

    def type(self, text):
        x("type", "--delay", "12", text)

    def key(self, *names):
        x("key", *names)

    def shot(self):
        path = os.path.join(FOLDER, "shot.png")
        screen.capture(DISPLAY, path)
        return screen.Screen(path, self.columns, self.rows)

    def wait(self, wanted, limit=25):
        """Waits until a text is on the screen."""
        end = time.time() + limit
        while True:
            shot = self.shot()
            text = shot.text()
            if wanted in text:
                return shot
            if time.time() > end:
                self.log.seek(0)
                fail("%r is not on the screen:\n%s\n%s" % (wanted, text, self.log.read()[-1500:].decode(errors="replace")))
            time.sleep(0.2)


def freerdp(*more, user=USER, password=PASSWORD):
    log_in = ["/u:" + user, "/p:" + password] if user is not None else ["/u:"]
    return Client("xfreerdp", "/v:" + SERVER, *log_in, "/cert:ignore", "/size:1024x768", *more)


PICTURE = (
    "PS1='$ '; clear; printf '\\033[1;31mred\\033[0;42mgreen\\033[38;2;10;200;250mtrue\\033[0m "
    "\\033[4munder\\033[0m\\n'; seq 1 90; printf '\\xc3\\xa4\\xe2\\x82\\xac end\\n'"
)


def picture(*more):
    """The same picture by one way of drawing it: what scrolled, colours, underlines, Unicode."""
    with freerdp(*more) as client:
        client.wait("#")
        client.type(PICTURE)
        client.key("Return")
        shot = client.wait("ä€ end")
        time.sleep(0.5)
        shot = client.shot()
        lines = shot.text().split("\n")
        if lines[-2:] != ["ä€ end", "$"] or lines[0] != "45" or "\ufffd" in shot.text():
            fail("%s: the picture is wrong:\n%s" % (more, shot.text()))
        return shot


def auth_only(user, password):
    return subprocess.run(
        ["xfreerdp", "/v:" + SERVER, "/u:" + user, "/p:" + password, "/sec:nla", "/cert:ignore", "+auth-only"],
        capture_output=True, timeout=30, env=dict(os.environ, DISPLAY=DISPLAY),
    ).returncode


def case_nla():
    codes = {
        "right": auth_only(USER, PASSWORD), "name alone": auth_only(USER.split("@")[0], PASSWORD),
        "wrong password": auth_only(USER, "wrong"), "unknown name": auth_only("nobody", "wrong"),
    }
    # 134 is FreeRDP 2's "log-on failure"; it says that only for a server that tells the reason.
    if codes != {"right": 0, "name alone": 0, "wrong password": 134, "unknown name": 134}:
        fail(codes)


def case_depths():
    whole = picture("/sec:tls", "/bpp:32", "-gfx").crop()
    if picture("/sec:tls", "/bpp:24", "-gfx").crop() != whole:
        fail("24 bits and 32 bits are both lossless, and differ")
    for depth in ("16", "15"):
        picture("/sec:tls", "/bpp:" + depth, "-gfx")


def case_pipeline():
    if picture("/gfx").crop() != picture("-gfx", "/bpp:32").crop():
        fail("the pipeline and bitmaps differ")


def case_screen():
    """Our own log-in screen: wrong, then right."""
    with freerdp("/sec:tls", user=None) as client:
        client.wait("User name")
        client.type(USER.split("@")[0])
        client.key("Return")
        client.type("wrong")
        client.key("Return")
        shot = client.wait("That is not right")
        if "wrong" in shot.text():
            fail("the password is on the screen")
        client.type(PASSWORD)
        client.key("Return")
        client.wait("#")
        client.type("echo in")
        client.key("Return")
        client.wait("\nin")


def case_editor():
    """A program of the alternate screen; keys with modifiers; the screen before is given back."""
    with freerdp() as client:
        client.wait("#")
        client.type("clear; echo before; seq 1 500 | less")
        client.key("Return")
        client.wait("\n:")
        client.key("G")
        client.wait("\n500")
        client.key("g")
        client.wait("1\n2\n3")
        client.key("q")
        client.wait("before\n")
        client.type("cat > /dev/null")
        client.key("Return")
        client.key("ctrl+c")
        client.type("echo again-$((6*7))")
        client.key("Return")
        client.wait("again-42")


def resize(*more):
    with freerdp("/dynamic-resolution", *more) as client:
        client.wait("#")
        window = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "FreeRDP"], capture_output=True, text=True,
            env=dict(os.environ, DISPLAY=DISPLAY),
        ).stdout.split()[0]
        client.type("echo kept")
        client.key("Return")
        client.wait("\nkept")
        x("windowsize", window, "800", "640")
        client.columns, client.rows = 100, 40
        x("mousemove", "300", "300")
        time.sleep(2)
        client.type("stty size")
        client.key("Return")
        text = client.wait("40 100").text()
        if "\nkept" not in text:
            fail("what was there is gone:\n" + text)


def case_resize():
    resize("/gfx")
    resize("-gfx")


def case_clipboard():
    environment = dict(os.environ, DISPLAY=DISPLAY)
    with freerdp("+clipboard") as client:
        client.wait("#")
        owner = subprocess.Popen(["xclip", "-selection", "clipboard", "-i"], stdin=subprocess.PIPE, env=environment)
        owner.stdin.write("echo pasted-Ä€".encode())
        owner.stdin.close()
        time.sleep(1)
        client.type("clear")
        client.key("Return")
        client.key("shift+Insert")
        client.wait("echo pasted-Ä€")
        client.key("Return")
        client.wait("\npasted-Ä€")
        x("mousemove", "4", "24", "mousedown", "1", "mousemove", "60", "24", "mousemove", "84", "24", "mouseup", "1")
        time.sleep(1.5)
        copied = subprocess.run(
            ["xclip", "-selection", "clipboard", "-o"], capture_output=True, timeout=10, env=environment
        ).stdout.decode()
        if copied != "pasted-Ä€":
            fail("copied: %r" % copied)


def case_rdesktop():
    for depth in ("15", "16", "24", "32"):
        # After a refused NLA with a key that is not RSA, rdesktop 1.9 itself crashes now and then while it tries again
        # without: then it is started once more.
        for attempt in range(8):
            with Client(
                "rdesktop", "-g", "1024x768", "-a", depth, "-u", USER, "-p", PASSWORD, SERVER, answers=b"yes\nyes\n"
            ) as client:
                time.sleep(4)
                if client.process.poll() is not None and attempt < 7:
                    continue
                client.wait("#", 40)
                client.type("seq 1 90; echo end")
                client.key("Return")
                text = client.wait("90\nend").text()
                if "\ufffd" in text:
                    fail("%s bits:\n%s" % (depth, text))
                break


def case_aardwolf():
    """A client in Python of its own descent: SPNEGO around NTLM, then the picture."""
    import asyncio
    from aardwolf.commons.factory import RDPConnectionFactory
    from aardwolf.commons.iosettings import RDPIOSettings

    async def run():
        settings = RDPIOSettings()
        settings.video_width, settings.video_height, settings.video_bpp_max = 1024, 768, 32
        settings.channels = []
        url = "rdp+ntlm-password://lab.test\\%s:%s@%s/?timeout=10" % (USER.split("@")[0], PASSWORD, SERVER)
        connection = RDPConnectionFactory.from_url(url, settings).get_connection(settings)
        _, error = await connection.connect()
        if error is not None:
            fail("aardwolf: %r" % error)
        await asyncio.sleep(2)
        if not connection.desktop_buffer_has_data:
            fail("aardwolf: nothing was drawn")
        await connection.terminate()

    asyncio.run(asyncio.wait_for(run(), 40))


def colour(client, x, y):
    """A pixel of the client's screen."""
    path = os.path.join(FOLDER, "shot.png")
    screen.capture(DISPLAY, path)
    width, _, raw = screen.pixels(path)
    return raw[3 * (y * width + x) : 3 * (y * width + x) + 3]


def until(what, condition, limit=30):
    end = time.time() + limit
    while not condition():
        if time.time() > end:
            fail("not in time: " + what)
        time.sleep(0.2)


def x11(*more):
    """An X session: keys reach its terminal, its picture reaches the client, and it is there after a reconnect."""
    made = os.path.join(FOLDER, "made")
    with freerdp(*more) as client:
        # Until the terminal is there and has the focus, what is typed is lost: it is typed again.
        def typed():
            client.type("touch %s; xsetroot -solid '#123456'" % made)
            client.key("Return")
            time.sleep(1)
            return os.path.exists(made)

        until("keys reach the session's terminal", typed)
        until("the root's colour is shown", lambda: colour(client, 1000, 20) == b"\x12\x34\x56")
        client.type("echo $DISPLAY > %s; sleep 600 & echo $! >> %s" % (made, made))
        client.key("Return")
        until("the session's display is told", lambda: len(open(made).read().split()) == 2)
        display, sleeper = open(made).read().split()
    time.sleep(1)
    os.kill(int(sleeper), 0)
    with freerdp(*more) as client:
        until("the session is found again", lambda: colour(client, 1000, 20) == b"\x12\x34\x56")
        client.type("echo $DISPLAY again > %s" % made)
        client.key("Return")
        until("the same display", lambda: open(made).read() == display + " again\n")
        client.type("kill %s; xsetroot -solid black; touch %s-2" % (sleeper, made))
        client.key("Return")
        until("the last command", lambda: os.path.exists(made + "-2"))
        os.remove(made + "-2")
        os.remove(made)


def case_x11():
    """By hand, not among the tests: under a server of root the session has no terminal, one has to be started in it."""
    x11("/gfx")
    x11("-gfx", "/bpp:32")


with Display():
    globals()["case_" + CASE]()
print("PASS")
