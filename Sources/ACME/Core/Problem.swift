/// Why a request failed (RFC 8555 §6.7; RFC 9457).
public struct ACMEProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// Without `urn:ietf:params:acme:error:`.
  public var type: String
  public var detail: String
  public var status: UInt16

  public static let prefix = "urn:ietf:params:acme:error:"

  public init(_ type: String, _ detail: String, status: UInt16 = 400) {
    self.type = type
    self.detail = detail
    self.status = status
  }

  /// From a server's answer; what is none becomes `serverInternal` with its status alone.
  public init(_ content: [UInt8], status: UInt16) {
    let value = JSONValue(content)
    let type = value?["type"]?.string ?? ""
    self.type = type.hasPrefix(Self.prefix) ? String(type.dropFirst(Self.prefix.count)) : "serverInternal"
    // A server's words go into our log: bounded, and without control characters.
    detail = String(
      (value?["detail"]?.string ?? "status \(status)").unicodeScalars.filter { $0.value >= 0x20 }.prefix(500))
    self.status = status
  }

  public var value: JSONValue {
    ["type": .string(Self.prefix + type), "detail": .string(detail), "status": .number(Int64(status))]
  }

  public var description: String { "\(type): \(detail)" }
}
