import Testing

@testable import RDPCore

struct KeyboardTests {
  private func type(_ keys: [(UInt8, Bool)], layout: UInt32 = 0x409, extended: Bool = false) -> String {
    var keyboard = Keyboard(layout: .named(layout))
    var bytes: [UInt8] = []
    for (code, isReleased) in keys {
      let outcome = keyboard.key(
        code, isExtended: extended && code != 0x2A, isReleased: isReleased, modes: Terminal.Modes())
      if case .bytes(let some) = outcome { bytes += some }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func layouts() {
    #expect(type([(0x1E, false), (0x1E, true), (0x2A, false), (0x1E, false), (0x2A, true), (0x2C, false)]) == "aAz")
    #expect(type([(0x2C, false), (0x1A, false), (0x29, false)], layout: 0x407) == "yü^")
    #expect(type([(0x10, false), (0x2A, false), (0x02, false)], layout: 0x40C) == "a1")
    for layout in KeyboardLayout.all {
      for code in 0...255 as ClosedRange<UInt8> {
        _ = layout.character(code, shift: true, capsLock: true, third: true)
      }
    }
  }

  @Test func thirdLevel() {
    var keyboard = Keyboard(layout: .named(0x407))
    _ = keyboard.key(0x1D, isExtended: false, isReleased: false, modes: .init())
    _ = keyboard.key(0x38, isExtended: true, isReleased: false, modes: .init())
    #expect(keyboard.key(0x10, isExtended: false, isReleased: false, modes: .init()) == .bytes([0x40]))
    #expect(keyboard.key(0x12, isExtended: false, isReleased: false, modes: .init()) == .bytes(Array("€".utf8)))
  }

  @Test func controlsAndFunctionKeys() {
    #expect(type([(0x1D, false), (0x2E, false)]) == "\u{03}")
    #expect(type([(0x38, false), (0x21, false)]) == "\u{1B}f")
    #expect(type([(0x48, false)], extended: true) == "\u{1B}[A")
    #expect(type([(0x2A, false), (0x4D, false)], extended: true) == "\u{1B}[1;2C")
    #expect(type([(0x3B, false), (0x3F, false)]) == "\u{1B}OP\u{1B}[15~")
    #expect(type([(0x0E, false), (0x01, false), (0x0F, false), (0x1C, false)]) == "\u{7F}\u{1B}\t\r")
  }

  @Test func unicode() {
    var keyboard = Keyboard(layout: .unitedStates)
    #expect(keyboard.unicode(0xD83D, isReleased: false) == .nothing)
    #expect(keyboard.unicode(0xDE00, isReleased: false) == .bytes(Array("\u{1F600}".utf8)))
    #expect(keyboard.unicode(0xE4, isReleased: true) == .nothing)
  }
}
