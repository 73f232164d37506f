/// What a message wants (RFC 6895 §2.2); 0...15.
public struct Opcode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue & 15 }

  public static let query = Opcode(rawValue: 0)
  public static let status = Opcode(rawValue: 2)
  public static let notify = Opcode(rawValue: 4)
  public static let update = Opcode(rawValue: 5)
}

extension Opcode: CustomStringConvertible {
  public var description: String {
    switch self {
    case .query: "QUERY"
    case .status: "STATUS"
    case .notify: "NOTIFY"
    case .update: "UPDATE"
    default: "OPCODE\(rawValue)"
    }
  }
}
