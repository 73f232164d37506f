/// Requests to an X server (X Window System Protocol, version 11), little-endian, as bytes: the core's, and those of the
/// extensions DAMAGE, XTEST and RANDR that a remote desktop needs.
public enum XRequest {
  /// The first bytes of a connection: byte order, version 11.0, and the proof by MIT-MAGIC-COOKIE-1.
  public static func setup(cookie: [UInt8]) -> [UInt8] {
    let name = Array("MIT-MAGIC-COOKIE-1".utf8)
    var bytes: [UInt8] = [0x6C, 0, 11, 0, 0, 0]
    bytes.appendLittleEndian(UInt16(clamping: cookie.isEmpty ? 0 : name.count))
    bytes.appendLittleEndian(UInt16(clamping: cookie.count))
    bytes += [0, 0]
    return cookie.isEmpty ? bytes : bytes + padded(name) + padded(cookie)
  }

  /// QueryExtension: asks for an extension's number.
  public static func queryExtension(_ name: String) -> [UInt8] {
    var body: [UInt8] = []
    body.appendLittleEndian(UInt16(clamping: name.utf8.count))
    return request(98, 0, body + [0, 0] + padded(Array(name.utf8)))
  }

  /// QueryVersion of an extension: says which version the client speaks; every extension wants that first.
  public static func queryVersion(_ opcode: UInt8, major: UInt32, minor: UInt32) -> [UInt8] {
    request(opcode, 0, words([major, minor]))
  }

  /// GetImage as a ZPixmap of all planes: what a window and the windows inside it show.
  public static func getImage(_ drawable: UInt32, x: Int, y: Int, width: Int, height: Int) -> [UInt8] {
    var body = words([drawable])
    for value in [x, y, width, height] { body.appendLittleEndian(UInt16(clamping: value)) }
    return request(73, 2, body + words([.max]))
  }

  /// GetKeyboardMapping: the keysyms of a range of keycodes.
  public static func getKeyboardMapping(first: UInt8, count: UInt8) -> [UInt8] {
    request(101, 0, [first, count, 0, 0])
  }

  /// ChangeKeyboardMapping: gives one keycode one keysym, shifted or not.
  public static func changeKeyboardMapping(_ keycode: UInt8, _ keysym: UInt32) -> [UInt8] {
    request(100, 1, [keycode, 2, 0, 0] + words([keysym, keysym]))
  }

  /// DAMAGE Create: from now on events tell what changes in a drawable (DeltaRectangles: each place once until `subtract`).
  public static func createDamage(_ opcode: UInt8, id: UInt32, drawable: UInt32) -> [UInt8] {
    request(opcode, 1, words([id, drawable]) + [1, 0, 0, 0])
  }

  /// DAMAGE Subtract of everything: what changes after this is told again.
  public static func subtractDamage(_ opcode: UInt8, id: UInt32) -> [UInt8] {
    request(opcode, 3, words([id, 0, 0]))
  }

  /// XTEST FakeInput.
  public static func fakeInput(_ opcode: UInt8, _ input: XInput, root: UInt32) -> [UInt8] {
    let (type, detail, x, y): (UInt8, UInt8, Int, Int)
    switch input {
    case .key(let code, let isPressed): (type, detail, x, y) = (isPressed ? 2 : 3, code, 0, 0)
    case .button(let number, let isPressed): (type, detail, x, y) = (isPressed ? 4 : 5, number, 0, 0)
    case .motion(let toX, let toY): (type, detail, x, y) = (6, 0, toX, toY)
    }
    var body: [UInt8] = [type, detail, 0, 0]
    body += words([0, root, 0, 0])
    body.appendLittleEndian(UInt16(clamping: x))
    body.appendLittleEndian(UInt16(clamping: y))
    return request(opcode, 2, body + [UInt8](repeating: 0, count: 8))
  }

  /// RANDR SelectInput: events for a changed screen.
  public static func selectScreenChanges(_ opcode: UInt8, root: UInt32) -> [UInt8] {
    request(opcode, 4, words([root]) + [1, 0, 0, 0])
  }

  private static func request(_ opcode: UInt8, _ detail: UInt8, _ body: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [opcode, detail]
    bytes.appendLittleEndian(UInt16(clamping: body.count / 4 + 1))
    return bytes + body
  }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  private static func words(_ values: [UInt32]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values { bytes.appendLittleEndian(value) }
    return bytes
  }
}

/// What XTEST does in a person's place.
public enum XInput: Sendable, Hashable {
  case key(UInt8, isPressed: Bool)
  case button(UInt8, isPressed: Bool)
  case motion(x: Int, y: Int)
}
