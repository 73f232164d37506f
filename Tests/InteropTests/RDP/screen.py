"""Reads text off a screenshot: every cell is compared with the glyphs of the console's own font, pixel by pixel.

Nothing is guessed: a cell whose pixels are no glyph in two colours reads as U+FFFD.
"""
import base64, os, re, struct, subprocess

WIDTH, HEIGHT = 8, 16
HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "../../../Sources/RDP/Core/Font/ConsoleFontTable.swift")


def load_font():
    text = open(TABLE).read()
    body = re.search(r'"""\n(.*?)\n    """', text, re.S).group(1)
    blob = base64.b64decode("".join(line.strip().rstrip("\\") for line in body.split("\n")))
    count = struct.unpack_from("<H", blob)[0]
    points = struct.unpack_from("<%dH" % count, blob, 2)
    glyphs = {}
    for face in (1, 0):
        base = 2 + 2 * count + face * 16 * count
        for index, point in enumerate(points):
            rows = bytes(blob[base + 16 * index : base + 16 * index + 16])
            # Twins (such as Latin and Cyrillic A) read as the lower code point; the font's first ones are controls.
            if point < 0x20:
                continue
            if rows not in glyphs or point < glyphs[rows]:
                glyphs[rows] = point
    glyphs[bytes(16)] = 0x20
    return glyphs


FONT = load_font()


def capture(display, path):
    subprocess.run(["import", "-display", display, "-window", "root", path], check=True, timeout=20)


def pixels(path):
    size = subprocess.run(["identify", "-format", "%w %h", path], check=True, capture_output=True, text=True).stdout
    width, height = map(int, size.split())
    raw = subprocess.run(["convert", path, "-depth", "8", "rgb:-"], check=True, capture_output=True).stdout
    return width, height, raw


class Screen:
    """A screenshot, cut to the desktop's size."""

    def __init__(self, path, columns, rows):
        self.width, self.height, self.raw = pixels(path)
        self.columns, self.rows = columns, rows

    def pixel(self, x, y):
        place = 3 * (y * self.width + x)
        return self.raw[place : place + 3]

    def crop(self):
        """The desktop's bytes."""
        line = self.columns * WIDTH * 3
        return b"".join(
            self.raw[y * self.width * 3 : y * self.width * 3 + line] for y in range(self.rows * HEIGHT)
        )

    def cell(self, row, column):
        """The character, the foreground and the background; an inverted blank (the cursor) reads as a blank."""
        lines = [
            [self.pixel(column * WIDTH + x, row * HEIGHT + y) for x in range(WIDTH)] for y in range(HEIGHT)
        ]
        colors = sorted({color for line in lines for color in line})
        if len(colors) == 1:
            return " ", None, colors[0]
        if len(colors) != 2:
            return "\ufffd", None, None
        for foreground, background in (colors[::-1], colors):
            rows = bytes(
                sum(1 << (7 - x) for x in range(WIDTH) if line[x] == foreground) for line in lines
            )
            point = FONT.get(rows)
            if point is None and rows[14] == 0xFF:
                point = FONT.get(rows[:14] + b"\0" + rows[15:])
            if point is not None:
                return chr(point), foreground, background
        return "\ufffd", None, None

    def line(self, row):
        return "".join(self.cell(row, column)[0] for column in range(self.columns)).rstrip()

    def text(self):
        return "\n".join(self.line(row) for row in range(self.rows)).rstrip()
