import GRDB
import Services

import struct Foundation.Data

/// Columns in the types of `Services`, with an error where GRDB's subscripts would trap.
extension Row {
  /// A column that must be there and be of this type; `.corrupt` otherwise.
  func value<Value: DatabaseValueConvertible>(_ column: String) throws -> Value {
    guard let value: Value = try optional(column) else { throw StoreError(.corrupt, "\(column) is missing") }
    return value
  }

  /// A column that may be empty; `.corrupt` when it is of another type.
  func optional<Value: DatabaseValueConvertible>(_ column: String) throws -> Value? {
    let stored: DatabaseValue = self[column]
    if stored.isNull { return nil }
    guard let value = Value.fromDatabaseValue(stored) else {
      throw StoreError(.corrupt, "\(column) holds what it can't hold")
    }
    return value
  }

  /// Whole seconds, as all times but those of the audit trail are kept.
  func time(_ column: String) throws -> WallTime? {
    let seconds: Int64? = try optional(column)
    return seconds.map { WallTime(seconds: $0) }
  }

  /// Bytes that must never be seen.
  func secret(_ column: String) throws -> Secret {
    let bytes: DatabaseBytes = try value(column)
    return Secret(bytes.bytes)
  }
}

/// Bytes in a column.
struct DatabaseBytes: DatabaseValueConvertible {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  init(_ secret: Secret) { bytes = secret.withBytes { $0 } }

  var databaseValue: DatabaseValue { Data(bytes).databaseValue }

  static func fromDatabaseValue(_ value: DatabaseValue) -> DatabaseBytes? {
    Data.fromDatabaseValue(value).map { DatabaseBytes([UInt8]($0)) }
  }
}
