/// What is asked for (RFC 1035 §4.1.2).
public struct Question: Hashable, Sendable {
  public var name: Name
  public var type: RecordType
  public var recordClass: RecordClass

  public init(_ name: Name, _ type: RecordType, _ recordClass: RecordClass = .in) {
    self.name = name
    self.type = type
    self.recordClass = recordClass
  }
}

extension Question: CustomStringConvertible {
  public var description: String { "\(name) \(recordClass) \(type)" }
}
