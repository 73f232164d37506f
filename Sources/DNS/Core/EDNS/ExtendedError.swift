import WireKit

/// An extended error (RFC 8914): a code and a text for people.
public struct ExtendedError: Hashable, Sendable {
  /// `INFO-CODE`.
  public var code: UInt16
  /// `EXTRA-TEXT`, UTF-8.
  public var text: String

  public init(code: UInt16, text: String = "") {
    self.code = code
    self.text = text
  }

  /// The error of an option; `nil` when it is another option or too short.
  public init?(_ option: EDNSOption) {
    guard option.code == EDNSOption.extendedError, option.data.count >= 2 else { return nil }
    code = UInt16(option.data[0]) << 8 | UInt16(option.data[1])
    text = String(decoding: option.data.dropFirst(2), as: UTF8.self)
  }

  public var option: EDNSOption {
    var data: [UInt8] = []
    data.appendInteger(code)
    data.append(contentsOf: text.utf8)
    return EDNSOption(code: EDNSOption.extendedError, data: data)
  }

  /// Other.
  public static let other: UInt16 = 0
  /// Not ready (§4.15).
  public static let notReady: UInt16 = 14
  /// Not authoritative (§4.21).
  public static let notAuthoritative: UInt16 = 20
  /// Not supported (§4.22).
  public static let notSupported: UInt16 = 21
  /// Prohibited (§4.19).
  public static let prohibited: UInt16 = 18
}
