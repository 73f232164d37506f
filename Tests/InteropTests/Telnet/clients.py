"""Real Telnet clients against `portside try`. Usage: clients.py CASE PLAIN SECURE PASSWORD CA PROGRAM CONFIGURATION."""
import asyncio
import base64
import hashlib
import hmac
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pexpect

case, plain, secure, password, ca, program, configuration = sys.argv[1:8]
plain, secure = int(plain), int(secure)
# The tests' process blocks signals, and what it starts would inherit that: a window's change comes by one.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
signal.signal(signal.SIGWINCH, signal.SIG_DFL)


def expect(condition, text):
    if not condition:
        sys.exit(f"{case}: {text}")


def spawn(command, rows=24, columns=80, term="xterm"):
    return pexpect.spawn(command, encoding="utf-8", codec_errors="replace", timeout=10, dimensions=(rows, columns),
                         env={"TERM": term, "PATH": os.environ.get("PATH", "/usr/bin"), "HOME": "/nonexistent"})


def log_in(child):
    child.expect("login: ")
    child.send("ann\r")
    child.expect("Password: ")
    child.send(password + "\r")
    child.expect("ann@srv> ")


def person(command):
    """What somebody at a terminal does: help, TAB, a filter, a full screen, leaving."""
    child = spawn(command)
    log_in(child)
    child.send("show terminal\r")
    child.expect("XTERM.*80.*24.*ours.*> $")
    child.send("sho zo\t")
    child.expect("zone")
    child.send("\r")
    child.expect("lab.test .*> $")
    child.send("show ?")
    child.expect("  zones .*show $")
    child.send("z\r")
    child.expect("lab.test .*> $")
    child.send("show zone la\t")
    child.expect("lab.test ")
    child.send("| match '^www'\r")
    child.expect("www.lab.test.*CNAME  srv.lab.test..*> $")
    child.send("show configuration\r")
    child.expect("--More--")
    child.send("q")
    child.expect("> $")
    child.send("abc\x02\x02X\x03")
    child.expect(r"\^C")
    child.expect("> $")
    child.send("exit\r")
    child.expect(pexpect.EOF)


def inetutils():
    person(f"inetutils-telnet 127.0.0.1 {plain}")
    person(f"telnet -l root -a 127.0.0.1 {plain}")


def busybox():
    person(f"busybox telnet 127.0.0.1 {plain}")


def plink():
    person(f"plink -telnet -P {plain} 127.0.0.1")


def line_mode():
    """The client edits lines by itself, and shows them; passwords are not shown even then."""
    child = spawn(f"inetutils-telnet 127.0.0.1 {plain}")
    child.expect("login: ")
    child.send("\x1d")
    child.expect("telnet> ")
    child.send("mode line\r")
    child.send("ann\r")
    child.expect("Password: ")
    child.send(password + "\r")
    child.expect("ann@srv> ")
    expect(password not in child.before, "the password was shown")
    child.send("show zones\r")
    child.expect("lab.test")
    child.send("exit\r")
    child.expect(pexpect.EOF)


def expect_script():
    """An expect script as network engineers write them."""
    script = """
      set timeout 10
      spawn telnet 127.0.0.1 %d
      expect "login: "    { send "ann\\r" } timeout { exit 3 }
      expect "Password: " { send "%s\\r" } timeout { exit 3 }
      expect "> "         { send "terminal length 0\\r" } timeout { exit 3 }
      expect "> "         { send "show configuration\\r" } timeout { exit 3 }
      expect "telnet.on"  { } timeout { exit 4 }
      expect "> "         { send "show zone lab.test | count\\r" } timeout { exit 3 }
      expect -re {Count: (\\d+) lines} { set count $expect_out(1,string) } timeout { exit 5 }
      expect "> "         { send "exit\\r" } timeout { exit 3 }
      expect eof
      if {$count < 10} { exit 6 }
      exit 0
    """ % (plain, password)
    result = subprocess.run(["expect", "-c", script], capture_output=True, text=True, timeout=60)
    expect(result.returncode == 0, f"{result.returncode}: {result.stdout}")


def telnetlib3():
    import telnetlib3 as library

    async def talk():
        reader, writer = await library.open_connection(
            "127.0.0.1", plain, term="xterm-256color", cols=100, rows=40, encoding="utf8", connect_minwait=0.1)

        async def until(text):
            seen = ""
            while text not in seen:
                piece = await asyncio.wait_for(reader.read(1), 10)
                expect(piece, f"closed after {seen!r}")
                seen += piece
            return seen

        await until("login: ")
        writer.write("ann\r\n")
        await until("Password: ")
        writer.write(password + "\r\n")
        await until("> ")
        writer.write("show terminal\r\n")
        seen = await until("> ")
        expect("XTERM-256COLOR" in seen and "100" in seen and "40" in seen, seen)
        writer.close()

    asyncio.run(talk())


def fingerprint():
    """telnetlib3's fingerprinting asks for many options; the answers must be those of a server that knows them."""
    iac, sb, se, will, wont, do, dont = 255, 250, 240, 251, 252, 253, 254
    with socket.create_connection(("127.0.0.1", plain), timeout=5) as stream:
        for option in range(0, 50):
            stream.sendall(bytes([iac, do, option, iac, will, option]))
        stream.sendall(bytes([iac, sb, 5, 1, iac, se]))
        time.sleep(1)
        data = stream.recv(65536)
    # ECHO and SGA were offered by the server itself: DO is the answer to that, and not answered again.
    ours = {option for option in range(50) if bytes([iac, will, option]) in data}
    theirs = {option for option in range(50) if bytes([iac, do, option]) in data}
    expect(ours == {0, 1, 3, 5, 6, 25, 42}, f"ours: {ours}")
    expect(theirs == {0, 3, 24, 25, 31, 32, 33, 34, 35, 36, 39, 42, 46}, f"theirs: {theirs}")
    expect(bytes([iac, wont, 44]) in data and bytes([iac, dont, 44]) in data, "option 44 was not refused")
    expect(bytes([iac, sb, 5, 0]) in data, "no STATUS")


def netmiko():
    import netmiko as library
    device = {"host": "127.0.0.1", "port": plain, "username": "ann", "password": password}
    with library.ConnectHandler(device_type="cisco_ios_telnet", **device) as link:
        expect("ann@srv" in link.find_prompt(), link.find_prompt())
        expect("lab.test" in link.send_command("show zones"), "no zones")
        rows = link.send_command("show zone lab.test | json")
        import json
        expect(len(json.loads(rows)) >= 10, rows)
        # The configuration mode as network automation knows it.
        said = link.send_config_set(["set smtp.max_recipients 550", "commit comment netmiko"], exit_config_mode=False)
        # The driver takes every prompt of a router's for one that ends in "#".
        link.exit_config_mode(pattern="> ")
        expect("is in force" in said, said)
        expect("smtp.max_recipients" in link.send_command("configure show smtp | match recipients"), "not in force")
        expect("netmiko" in link.send_command("configure history"), "no history")
    with library.ConnectHandler(device_type="generic_telnet", **device) as link:
        link.write_channel("ann\r\n")
        link.read_until_pattern("Password: ")
        link.write_channel(password + "\r\n")
        link.read_until_pattern("> ")
        link.set_base_prompt()
        expect("lab.test" in link.send_command("show zones"), "no zones by the generic driver")


def openssl():
    child = spawn(f"openssl s_client -quiet -verify_return_error -CAfile {ca} -servername srv.lab.test "
                  f"-connect 127.0.0.1:{secure}", term="dumb")
    log_in(child)
    child.send("show zones\r")
    child.expect("lab.test")
    child.close(force=True)


def tmux():
    """What stands on a real terminal's screen, also after the window has changed."""
    name = f"/tmp/portside-tmux-{os.getpid()}"

    def run(*words):
        return subprocess.run(["tmux", "-S", name, *words], check=True, capture_output=True, text=True).stdout

    def screen(text, limit=10):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            seen = run("capture-pane", "-p", "-t", "a")
            if re.search(text, seen):
                return seen
            time.sleep(0.05)
        sys.exit(f"{case}: no {text!r} in:\n{seen}")

    def keys(*words):
        run("send-keys", "-t", "a", *words)

    run("-f", "/dev/null", "new-session", "-d", "-s", "a", "-x", "60", "-y", "20", f"telnet 127.0.0.1 {plain}")
    try:
        screen("login:")
        keys("ann", "Enter")
        screen("Password:")
        keys(password, "Enter")
        screen("ann@srv>")
        # A line longer than a row, edited in its middle: the screen shows what will be run.
        text = "show zone lab.test | match www | match lab | exclude nothing-of-it"
        keys(text)
        keys("C-a", "M-f", "C-f")
        keys("X", "BSpace", "C-e")
        seen = screen("nothing-of-it")
        expect(("ann@srv> " + text).replace(" ", "") in seen.replace("\n", "").replace(" ", ""), seen)
        run("resize-window", "-t", "a", "-x", "40", "-y", "12")
        time.sleep(0.5)
        keys("Enter")
        screen("CNAME")
        # The client tells of the new size in its own time.
        for _ in range(20):
            keys("show terminal", "Enter")
            time.sleep(0.5)
            if re.search("rows +12", run("capture-pane", "-p", "-t", "a")):
                break
        seen = screen("rows +12")
        expect(re.search("columns +40", seen), seen)
        keys("clear-is-no-command", "Enter")
        screen("% 'clear-is-no-command'|% 'clear")
        keys("C-l", "show zo")
        seen = screen("^ann@srv> show zo")
        keys("Up", "Up", "C-u", "exit", "Enter")
        time.sleep(0.5)
    finally:
        subprocess.run(["tmux", "-S", name, "kill-server"], capture_output=True)


def console():
    """The same console at the machine itself, on a terminal."""
    child = spawn(f"{program} console --config {configuration}")
    child.expect("local@srv> ")
    child.send("show acc\t")
    child.expect("accounts? ?")
    child.send("\r")
    child.expect("ann@lab.test.*> $")
    child.send("account add dora\r")
    child.expect("New password: ")
    child.send("a quite long password\r")
    child.expect("Once more: ")
    child.send("a quite long password\r")
    child.expect("dora@lab.test is added")
    expect("quite" not in child.before, "the password was shown")
    child.send("\x04")
    child.expect(pexpect.EOF)
    result = subprocess.run([program, "console", "--config", configuration, "show accounts | match dora | count"],
                            capture_output=True, text=True, timeout=20)
    expect(result.returncode == 0 and result.stdout == "Count: 1 line\n", f"{result}")
    result = subprocess.run([program, "console", "--config", configuration, "frob"], capture_output=True, text=True)
    expect(result.returncode == 1, f"{result}")
    result = subprocess.run([program, "console", "--config", configuration], capture_output=True, text=True,
                            input="show zones\nshow accounts | json\n", timeout=20)
    expect("lab.test" in result.stdout and "dora@lab.test" in result.stdout, f"{result}")


def configure():
    """A candidate on its way into force and back, by a person at inetutils' telnet."""
    child = spawn(f"inetutils-telnet 127.0.0.1 {plain}")
    log_in(child)
    child.send("conf t\r")
    child.expect_exact("ann@srv(configure)# ")
    child.send("se\t")
    child.expect("set ")
    child.send("server.hostname x.test\r")
    child.expect("managed by the file, and read-only here")
    child.expect_exact("(configure)# ")
    child.send("set pop3.max_recipients 7\r")
    child.expect("there is no key")
    child.send("set smtp.greylist 5m\r")
    child.expect_exact("(configure)# ")
    child.send("compare\r")
    child.expect_exact('+ smtp.greylist = "5m"')
    child.send("commit confirm 5\r")
    child.expect("is in force")
    child.expect("comes back")
    child.send("run show sessions\r")
    child.expect("telnet")
    child.send("commit\r")
    child.expect("is confirmed")
    child.send("rollback 1\r")
    child.expect("the candidate is as version")
    child.send("commit\r")
    child.expect("is in force")
    child.send("exit\r")
    child.expect_exact("ann@srv> ")
    # What is new in a listing, as it comes.
    child.send("show accounts | follow\r")
    child.expect("bob@lab.test")
    added = subprocess.run([program, "account", "add", "eve", "--generate", "--config", configuration], capture_output=True)
    expect(added.returncode == 0, f"{added}")
    child.expect("eve@lab.test")
    child.send("\x03")
    child.expect_exact("ann@srv> ")
    child.send("exit\r")
    child.expect(pexpect.EOF)


def com_port():
    """A serial line through the network (RFC 2217), by pyserial; the device is a pseudo-terminal."""
    import json
    import pty
    import termios
    import tty
    import serial
    master, slave = pty.openpty()
    device = os.ttyname(slave)
    # As a serial line is: nothing comes back from the terminal itself.
    tty.setraw(slave)
    os.close(slave)
    commands = (f"configure set telnet.lines.switch1.device {device}; configure set telnet.lines.switch1.port 2301; "
                "configure set telnet.lines.switch1.speed 2400; configure commit")
    done = subprocess.run([program, "console", "--config", configuration, commands], capture_output=True, text=True, timeout=60)
    expect(done.returncode == 0, f"{done}")
    status = json.loads(subprocess.run([program, "status", "--json", "--config", configuration], capture_output=True).stdout)
    access = next(worker for worker in status["workers"] if worker["name"] == "access")
    names = [socket for socket in access["sockets"] if "telnet.lines.switch1" in socket["name"]]
    port = int(re.search(r"127\.0\.0\.1[^0-9]+(\d+)", json.dumps(names[0]["place"])).group(1))

    def read(count):
        data = b""
        while len(data) < count:
            data += os.read(master, count - len(data))
        return data

    with serial.serial_for_url(f"rfc2217://127.0.0.1:{port}", baudrate=19200, stopbits=2, timeout=10) as line:
        state = termios.tcgetattr(master)
        expect(state[4] == termios.B19200 and state[5] == termios.B19200, f"speed {state[4]}")
        expect(state[2] & termios.CSTOPB and state[2] & termios.CSIZE == termios.CS8, hex(state[2]))
        # A pseudo-terminal has neither seven bits nor parity, and says so.
        for change in ({"bytesize": 7}, {"parity": "E"}):
            try:
                line.apply_settings(change)
                expect(False, f"{change} was taken")
            except ValueError:
                line.apply_settings({"bytesize": 8, "parity": "N"})
        line.write(b"to the device\xff\r\0\n\x11\x13")
        expect(read(19) == b"to the device\xff\r\0\n\x11\x13", "bytes to the device")
        os.write(master, bytes(range(256)) * 40)
        back = line.read(256 * 40)
        expect(back == bytes(range(256)) * 40, f"{len(back)} bytes from the device")
        line.baudrate = 115200
        expect(termios.tcgetattr(master)[4] == termios.B115200, "the second speed")
        line.rts = False
        line.dtr = True
        line.reset_input_buffer()
        line.reset_output_buffer()
        line.send_break(0.01)
        expect(line.cts and line.dsr and line.cd, "the modem's lines")
        # One at a time.
        with socket.create_connection(("127.0.0.1", port), timeout=10) as second:
            seen = b""
            while b"somebody else" not in seen:
                piece = second.recv(4096)
                expect(piece, f"{seen}")
                seen += piece
    # Given back, it is free again; plain telnet is a pipe.
    for _ in range(50):
        child = spawn(f"inetutils-telnet 127.0.0.1 {port}")
        os.write(master, b"switch1 login: ")
        if child.expect(["switch1 login: ", "somebody else", pexpect.EOF]) == 0:
            break
        time.sleep(0.1)
    else:
        expect(False, "the line was not given back")
    child.send("x")
    expect(read(1) == b"x", "a key")
    child.close(force=True)
    audit = subprocess.run([program, "audit", "list", "--json", "--config", configuration], capture_output=True, text=True)
    expect("serial line taken" in audit.stdout, "not in the audit trail")


def crowd():
    """Many at once, each with an account's console, each of which gets its own answers."""
    count, failures, times = 60, [], []

    def one(index):
        try:
            with socket.create_connection(("127.0.0.1", plain), timeout=30) as stream:
                def until(text):
                    seen = b""
                    while text not in seen:
                        piece = stream.recv(65536)
                        if not piece:
                            raise ConnectionError("closed")
                        seen += piece
                    return seen
                until(b"login: ")
                stream.sendall(bytes([255, 253, 1]) + b"ann\r\0")
                until(b"Password: ")
                stream.sendall(password.encode() + b"\r\0")
                until(b"ann@srv> ")
                for number in range(20):
                    for byte in b"show zones":
                        begin = time.monotonic()
                        stream.sendall(bytes([byte]))
                        until(bytes([byte]))
                        times.append(time.monotonic() - begin)
                    stream.sendall(f" | match '{index}-{number}|lab'\r\0".encode())
                    if b"lab.test" not in until(b"\r\nann@srv> "):
                        failures.append(index)
        except Exception as error:
            failures.append(f"{index}: {error!r}")

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, failures[:5])
    times.sort()
    print(f"key to echo: median {times[len(times) // 2] * 1000:.2f} ms, p99 {times[len(times) * 99 // 100] * 1000:.2f} ms")


def second_factor():
    def portside(*words):
        result = subprocess.run([program, *words, "--config", configuration], capture_output=True, text=True)
        expect(result.returncode == 0, f"{words}: {result}")
        return result.stdout

    def code(secret):
        key = base64.b32decode(secret + "=" * (-len(secret) % 8))
        digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
        start = digest[-1] & 15
        return "%06d" % ((struct.unpack(">I", digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000)

    secret = re.search("secret: (.*)", portside("account", "totp", "begin", "ann")).group(1).replace(" ", "").strip().upper()
    codes = re.findall("recovery code.*: (.*)", portside("account", "totp", "confirm", "ann", code(secret)))
    child = spawn(f"telnet 127.0.0.1 {plain}")
    child.expect("login: ")
    child.send("ann\r")
    child.expect("Password: ")
    child.send(password + "\r")
    child.expect("Code: ")
    child.send("000000\r")
    child.expect("Log-in incorrect")
    child.send("ann\r")
    child.expect("Password: ")
    child.send(password + "\r")
    child.expect("Code: ")
    child.send(codes[0] + "\r")
    child.expect("ann@srv> ")
    child.send("exit\r")
    child.expect(pexpect.EOF)


cases = {"inetutils": inetutils, "busybox": busybox, "plink": plink, "line-mode": line_mode, "expect": expect_script,
         "telnetlib3": telnetlib3, "fingerprint": fingerprint, "netmiko": netmiko, "openssl": openssl, "tmux": tmux,
         "console": console, "configure": configure, "com-port": com_port, "crowd": crowd,
         "second-factor": second_factor}
cases[case]()
