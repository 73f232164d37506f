import TestKit
import Testing
import WireKit

@testable import RDPCore

/// Desktops that an X server draws: the protocol's messages, the keys, what differs.
struct DesktopTests {
  // MARK: X messages

  private func first(_ bytes: [UInt8], setup: Bool = false) throws -> (message: XMessage, length: Int)? {
    try XMessage.first(in: bytes.span.bytes, expectsSetup: setup)
  }

  /// What a server answers at the begin, with one format and one screen.
  private var setup: [UInt8] {
    var body: [UInt8] = [0, 0, 0, 0, 0, 0, 0x20, 0, 0xFF, 0xFF, 0x1F, 0, 0, 0, 0, 0, 3, 0, 0xFF, 0xFF, 1, 1, 0, 0]
    body += [32, 32, 8, 255, 0, 0, 0, 0] + Array("abc\u{0}".utf8) + [24, 32, 32, 0, 0, 0, 0, 0]
    body += [0x2A, 5, 0, 0] + [UInt8](repeating: 0, count: 16) + [0, 4, 0, 3]
    body += [UInt8](repeating: 0, count: 14) + [24, 0]
    return [1, 0, 11, 0, 0, 0, UInt8(body.count / 4), 0] + body
  }

  @Test func setupIsRead() throws {
    let found = try #require(try first(setup, setup: true))
    #expect(found.length == setup.count)
    #expect(
      found.message
        == .setup(
          XSetup(
            resourceBase: 0x20_0000, firstKeycode: 8, lastKeycode: 255, root: 0x52A, width: 1024, height: 768,
            depth: 24)))
    for length in 0..<setup.count {
      let part = try first(Array(setup.prefix(length)), setup: true)
      #expect(part == nil)
    }
    let refused = try first([0, 3, 11, 0, 0, 0, 1, 0] + Array("no!\u{0}".utf8), setup: true)
    #expect(refused?.message == .refused("no!"))
  }

  /// Every byte of the setup changed: an error or a message, never a trap.
  @Test func damagedSetups() {
    for position in 0..<setup.count {
      for change in [UInt8(0), 1, 0x7F, 0xFF] {
        var bytes = setup
        bytes[position] = change
        _ = try? first(bytes, setup: true)
      }
    }
  }

  @Test func messagesAreCutApart() throws {
    let event: [UInt8] = [0x80 | 91] + [UInt8](repeating: 7, count: 31)
    #expect(try first(event)?.message == .event(code: 91, event))
    let reply: [UInt8] = [1, 0, 5, 0, 1, 0, 0, 0] + [UInt8](repeating: 0, count: 28)
    #expect(try first(reply)?.message == .reply(sequence: 5, reply))
    let part = try first(Array(reply.dropLast()))
    #expect(part == nil)
    #expect(throws: (any Error).self) {
      _ = try first([1, 0, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 24))
    }
  }

  @Test func requestsHaveTheirLengths() {
    let requests = [
      XRequest.queryExtension("DAMAGE"), XRequest.queryVersion(140, major: 1, minor: 1),
      XRequest.getImage(1, x: 2, y: 3, width: 4, height: 5), XRequest.createDamage(140, id: 1, drawable: 2),
      XRequest.subtractDamage(140, id: 1), XRequest.changeKeyboardMapping(9, 0x61),
      XRequest.getKeyboardMapping(first: 8, count: 248),
      XRequest.fakeInput(132, .motion(x: 5, y: 6), root: 1), XRequest.selectScreenChanges(139, root: 1),
    ]
    for request in requests {
      #expect(request.count == 4 * (Int(request[2]) + Int(request[3]) << 8), "\(request)")
    }
    #expect(XRequest.fakeInput(132, .key(38, isPressed: true), root: 0x12).prefix(6) == [132, 2, 9, 0, 2, 38])
  }

  // MARK: Keys

  private func keys() -> XKeys {
    var keys = XKeys()
    // Two keysyms a keycode: 8 has a and A, 9 none, 10 one.
    keys.learn(first: 8, perKey: 2, keysyms: [0x61, 0x41, 0, 0, 0x31, 0x21])
    return keys
  }

  @Test func scancodesAreKeysOfTheKernel() {
    var keys = keys()
    let down = InputEvent.key(scancode: 0x1E, isExtended: false, isExtended1: false, isReleased: false)
    #expect(keys.steps(for: down) == [.input(.key(38, isPressed: true))])
    let up = InputEvent.key(scancode: 0x48, isExtended: true, isExtended1: false, isReleased: false)
    #expect(keys.steps(for: up) == [.input(.key(111, isPressed: true))])
    #expect(
      keys.releaseAll() == [.input(.key(38, isPressed: false)), .input(.key(111, isPressed: false))],
      "a client that goes leaves no key pressed")
    #expect(keys.releaseAll().isEmpty)
    for scancode in UInt8.min ... .max {
      for extended in [false, true] {
        let event = InputEvent.key(
          scancode: scancode, isExtended: extended, isExtended1: !extended, isReleased: false)
        #expect(keys.steps(for: event).count <= 1)
      }
    }
  }

  @Test func charactersFindTheirKeys() {
    var keys = keys()
    #expect(keys.steps(for: .unicode(0x61, isReleased: false)).first == .input(.key(8, isPressed: true)))
    let shifted = keys.steps(for: .unicode(0x41, isReleased: false))
    #expect(shifted.first == .input(.key(50, isPressed: true)) && shifted.count == 4)
    // A character that no key has gets a spare one; one outside of the basic plane comes in two halves.
    #expect(keys.steps(for: .unicode(0x20AC, isReleased: false)).first == .map(keycode: 9, keysym: 0x0100_20AC))
    #expect(keys.steps(for: .unicode(0x20AC, isReleased: false)).first == .input(.key(9, isPressed: true)))
    #expect(keys.steps(for: .unicode(0xD83D, isReleased: false)).isEmpty)
    #expect(keys.steps(for: .unicode(0xDE00, isReleased: false)).first == .map(keycode: 9, keysym: 0x0101_F600))
    #expect(keys.steps(for: .unicode(0xDE00, isReleased: false)).isEmpty, "a second half alone")
  }

  @Test func theMouse() {
    var keys = keys()
    #expect(keys.steps(for: .mouse(flags: 0x0800, x: 3, y: 4)) == [.input(.motion(x: 3, y: 4))])
    #expect(keys.steps(for: .mouse(flags: 0xA000, x: 3, y: 4)).last == .input(.button(3, isPressed: true)))
    #expect(keys.steps(for: .mouse(flags: 0x0300, x: 0, y: 0)).first == .input(.button(5, isPressed: true)))
    #expect(keys.releaseAll() == [.input(.button(3, isPressed: false))])
  }

  // MARK: What differs

  /// A picture as an X server sends it.
  private func data(_ band: PixelScreen.Band, _ pixel: (Int, Int) -> UInt32) -> [UInt8] {
    (0..<band.height).flatMap { y in
      (0..<band.width).flatMap { x in
        let value = pixel(band.x + x, band.y + y)
        return (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
      }
    }
  }

  @Test(arguments: [64, 100, 130, 320]) func onlyWhatDiffersTravels(_ width: Int) {
    let height = 100
    var screen = PixelScreen(width: width, height: height)
    var shown = [UInt32](repeating: 0xDEAD, count: width * height)
    func look(_ picture: [UInt32]) -> Int {
      var count = 0
      for band in screen.takeSuspects() {
        screen.update(band, data(band) { picture[$1 * width + $0] }[...]) { tile in
          #expect(tile.width % 4 == 0 && tile.x + tile.width <= width && tile.y + tile.height <= height)
          count += tile.pixels.count
          for line in 0..<tile.height {
            for column in 0..<tile.width {
              shown[(tile.y + line) * width + tile.x + column] = tile.pixels[line * tile.width + column]
            }
          }
        }
      }
      return count
    }
    var picture = (0..<width * height).map { UInt32($0 * 77 & 0xFF_FFFF) }
    _ = look(picture)
    #expect(shown == picture && !screen.hasChanges)
    picture[70 * width + 5] = 0xFFFFFF
    screen.touch(x: 5, y: 70, width: 1, height: 1)
    #expect(look(picture) == 4 && shown == picture)
    screen.touch(x: -5, y: -5, width: 10_000, height: 10_000)
    #expect(look(picture) == 0)
    screen.touch(x: width, y: 0, width: 5, height: 5)
    screen.touch(x: 0, y: 0, width: 0, height: 5)
    #expect(!screen.hasChanges)
    screen.forget()
    #expect(look(picture) >= width * height && shown == picture)
  }
}
