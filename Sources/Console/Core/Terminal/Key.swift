/// A key, as far as the line editor tells them apart.
package enum Key: Sendable, Hashable {
  case character(Character)
  case enter, tab, escape
  case backspace, delete
  case left, right, up, down, home, end
  case wordLeft, wordRight, deleteWordLeft, deleteWordRight
  case killLine, killToEnd, yank, transpose, clearScreen, searchBack, quotedInsert
  case interrupt, endOfInput, pageUp, pageDown
}

/// Puts keys together from bytes: UTF-8, control characters, and the sequences that terminals send for cursor keys
/// (ECMA-48, xterm's and the VT220's).
package struct KeyDecoder: Sendable {
  private enum State: Sendable {
    case ground
    /// Continuation bytes that are still to come, and what there is.
    case utf8(Int, [UInt8])
    case escape
    /// Behind `ESC [`, with the parameters so far.
    case sequence([UInt8])
    /// Behind `ESC O`.
    case shift3
  }

  private var state = State.ground
  private var afterReturn = false

  package init() {}

  /// Whether a sequence has begun and is not complete.
  var isInside: Bool { if case .ground = state { false } else { true } }

  package mutating func decode(_ byte: UInt8) -> Key? {
    switch state {
    case .ground: return ground(byte)
    case .utf8(let missing, let bytes): return utf8(byte, missing, bytes)
    case .escape: return escape(byte)
    case .shift3:
      state = .ground
      return Self.cursor(byte)
    case .sequence(let parameters):
      if (0x20...0x3F).contains(byte) {
        // Longer than any key's; what comes is dropped up to its final byte.
        state = .sequence(parameters.count < 16 ? parameters + [byte] : parameters)
        return nil
      }
      state = .ground
      return Self.sequence(parameters, byte)
    }
  }

  private mutating func ground(_ byte: UInt8) -> Key? {
    let followsReturn = afterReturn
    afterReturn = byte == 0x0D
    switch byte {
    // The line feed or NUL of a line end that was complete with its carriage return.
    case 0x0A: return followsReturn ? nil : .enter
    case 0x00: return nil
    case 0x0D: return .enter
    case 0x1B:
      state = .escape
      return nil
    case 0x20..<0x7F: return .character(Character(Unicode.Scalar(byte)))
    case 0xC2...0xDF: state = .utf8(1, [byte])
    case 0xE0...0xEF: state = .utf8(2, [byte])
    case 0xF0...0xF4: state = .utf8(3, [byte])
    default: return Self.control(byte)
    }
    return nil
  }

  private mutating func utf8(_ byte: UInt8, _ missing: Int, _ bytes: [UInt8]) -> Key? {
    guard byte & 0xC0 == 0x80 else {
      // Cut off: what has begun is no character, and this byte begins anew.
      state = .ground
      return ground(byte)
    }
    guard missing == 1 else {
      state = .utf8(missing - 1, bytes + [byte])
      return nil
    }
    state = .ground
    guard let text = String(validating: bytes + [byte], as: UTF8.self), let character = text.first,
      character.unicodeScalars.first?.properties.generalCategory != .control
    else { return nil }
    return .character(character)
  }

  private mutating func escape(_ byte: UInt8) -> Key? {
    switch byte {
    case 0x5B:
      state = .sequence([])
      return nil
    case 0x4F:
      state = .shift3
      return nil
    default: state = .ground
    }
    switch byte {
    case 0x62: return .wordLeft  // M-b
    case 0x66: return .wordRight  // M-f
    case 0x64: return .deleteWordRight  // M-d
    case 0x7F, 0x08: return .deleteWordLeft
    case 0x1B: return .escape
    default: return nil
    }
  }

  private static func sequence(_ parameters: [UInt8], _ final: UInt8) -> Key? {
    guard final == 0x7E else {
      let isModified = parameters.contains(0x3B)
      if isModified, final == 0x43 { return .wordRight }
      if isModified, final == 0x44 { return .wordLeft }
      return cursor(final)
    }
    switch parameters.first {
    case 0x31, 0x37: return parameters.count == 1 ? .home : nil
    case 0x34, 0x38: return parameters.count == 1 ? .end : nil
    case 0x33: return .delete
    case 0x35: return .pageUp
    case 0x36: return .pageDown
    default: return nil
    }
  }

  private static func cursor(_ final: UInt8) -> Key? {
    switch final {
    case 0x41: .up
    case 0x42: .down
    case 0x43: .right
    case 0x44: .left
    case 0x46: .end
    case 0x48: .home
    case 0x4D: .enter  // the keypad's
    default: nil
    }
  }

  private static func control(_ byte: UInt8) -> Key? {
    switch byte {
    case 0x01: .home
    case 0x02: .left
    case 0x03: .interrupt
    case 0x04: .endOfInput
    case 0x05: .end
    case 0x06: .right
    case 0x08, 0x7F: .backspace
    case 0x09: .tab
    case 0x0B: .killToEnd
    case 0x0C: .clearScreen
    case 0x0E: .down
    case 0x10: .up
    case 0x12: .searchBack
    case 0x14: .transpose
    case 0x15: .killLine
    case 0x16: .quotedInsert
    case 0x17: .deleteWordLeft
    case 0x19: .yank
    default: nil
    }
  }
}
