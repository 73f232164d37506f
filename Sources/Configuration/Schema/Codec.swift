/// How one type of value is read from a document, printed, and described: the part of the schema that types know.
public struct Codec<Value: Sendable>: Sendable {
  let typeName: String
  let shape: Shape
  let bounds: String?
  /// Reads a value. `nil` after at least one error has been reported.
  let decode: @Sendable (TOMLValue, ConfigurationPath, inout Decoding) -> Value?
  /// `nil` when the value is the absence of one.
  let encode: @Sendable (Value) -> PlainValue?
  /// Checks a typed value; paths are relative to it.
  let validate: @Sendable (Value) -> [Problem]

  init(
    typeName: String, shape: Shape, bounds: String? = nil,
    decode: @escaping @Sendable (TOMLValue, ConfigurationPath, inout Decoding) -> Value?,
    encode: @escaping @Sendable (Value) -> PlainValue?,
    validate: @escaping @Sendable (Value) -> [Problem] = { _ in [] }
  ) {
    self.typeName = typeName
    self.shape = shape
    self.bounds = bounds
    self.decode = decode
    self.encode = encode
    self.validate = validate
  }

  /// A value that may be absent.
  func optional() -> Codec<Value?> {
    Codec<Value?>(
      typeName: typeName, shape: shape, bounds: bounds,
      decode: { value, path, decoding in decode(value, path, &decoding).map { .some($0) } },
      encode: { $0.flatMap(encode) }, validate: { $0.map(validate) ?? [] })
  }
}

/// A set of named values; the raw values are the names.
public protocol ConfigurationChoice: RawRepresentable<String>, CaseIterable, Hashable, Sendable, Codable {}

extension Codec where Value: ConfigurationText {
  /// A value written as a string. A wrong one is quoted, unless its type knows that it can be a secret.
  static func text(hidesValue: Bool = false) -> Codec {
    Codec(
      typeName: Value.typeName, shape: .scalar(accepts: .string),
      decode: { value, path, decoding in
        guard case .string(let text) = value.content else {
          decoding.error(
            path, value.position, "expected \(Value.form), found \(value.typeName)", hidesValue: hidesValue)
          return nil
        }
        do throws(TextError) {
          return try Value(configuration: text)
        } catch {
          decoding.error(
            path, value.position, error.message, hint: error.hint, hidesValue: hidesValue || error.hidesText)
          return nil
        }
      },
      encode: { .string($0.description) })
  }
}

extension Codec where Value == SecretReference {
  static var secret: Codec { .text(hidesValue: true) }
}

extension Codec where Value == ByteSize {
  static func size(_ range: ClosedRange<ByteSize>) -> Codec {
    .text().bounded(range) { $0.description }
  }
}

extension Codec where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> Codec {
    Codec(
      typeName: "duration", shape: .scalar(accepts: .string),
      decode: { value, path, decoding in
        guard case .string(let text) = value.content else {
          decoding.error(path, value.position, "expected \(DurationText.form), found \(value.typeName)")
          return nil
        }
        do throws(TextError) {
          return try DurationText.parse(text)
        } catch {
          decoding.error(path, value.position, error.message, hint: error.hint)
          return nil
        }
      },
      encode: { .string(DurationText.print($0)) }
    ).bounded(range, DurationText.print)
  }
}

extension Codec where Value: Comparable {
  /// The same, within bounds.
  func bounded(_ range: ClosedRange<Value>, _ print: @escaping @Sendable (Value) -> String) -> Codec {
    let bounds = "\(print(range.lowerBound)) to \(print(range.upperBound))"
    return Codec(
      typeName: typeName, shape: shape, bounds: bounds,
      decode: { value, path, decoding in
        guard let result = decode(value, path, &decoding) else { return nil }
        guard range.contains(result) else {
          decoding.error(path, value.position, "\(print(result)) is out of range: \(bounds)")
          return nil
        }
        return result
      },
      encode: encode,
      validate: { value in
        range.contains(value) ? [] : [Problem(.root, "\(print(value)) is out of range: \(bounds)")]
      })
  }
}

extension Codec where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Codec {
    Codec(
      typeName: "integer", shape: .scalar(accepts: .integer),
      decode: { value, path, decoding in
        guard case .integer(let number) = value.content, let result = Int(exactly: number) else {
          let hint: String? = if case .string = value.content { "without quotes" } else { nil }
          decoding.error(
            path, value.position,
            "expected an integer from \(range.lowerBound) to \(range.upperBound), found \(value.typeName)", hint: hint)
          return nil
        }
        return result
      },
      encode: { .integer(Int64($0)) }
    ).bounded(range) { "\($0)" }
  }
}

extension Codec where Value == Bool {
  static var flag: Codec {
    Codec(
      typeName: "boolean", shape: .scalar(accepts: .boolean),
      decode: { value, path, decoding in
        if case .boolean(let flag) = value.content { return flag }
        let hint: String? = if case .string = value.content { "without quotes" } else { nil }
        decoding.error(path, value.position, "expected true or false, found \(value.typeName)", hint: hint)
        return nil
      },
      encode: { .boolean($0) })
  }
}

extension Codec where Value == ListenPort {
  static var port: Codec {
    Codec(
      typeName: "port", shape: .scalar(accepts: .integerOrString), bounds: "0 to 65535, or \"off\"",
      decode: { value, path, decoding in
        switch value.content {
        case .integer(let number):
          if let port = UInt16(exactly: number) { return .number(port) }
          decoding.error(path, value.position, "\(number) is out of range: 0 to 65535")
          return nil
        case .string("off"): return .off
        case .string(let text):
          let hint = ASCIIText.number(text, as: UInt16.self) == nil ? nil : "without quotes"
          decoding.error(
            path, value.position, "expected \(ListenPort.form), found \(TOMLText.string(text))", hint: hint)
          return nil
        default:
          decoding.error(path, value.position, "expected \(ListenPort.form), found \(value.typeName)")
          return nil
        }
      },
      encode: { port in
        switch port {
        case .number(let number): .integer(Int64(number))
        case .off: .string("off")
        }
      })
  }
}

extension Codec where Value: ConfigurationChoice {
  static var choice: Codec {
    let names = Value.allCases.map(\.rawValue)
    let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
    return Codec(
      typeName: names.map { "\"\($0)\"" }.joined(separator: " or "), shape: .scalar(accepts: .string),
      decode: { value, path, decoding in
        guard case .string(let text) = value.content else {
          decoding.error(path, value.position, "expected one of \(list), found \(value.typeName)")
          return nil
        }
        if let choice = Value(rawValue: text) { return choice }
        decoding.error(
          path, value.position, "expected one of \(list), found \(TOMLText.string(text))",
          hint: NearestName.hint(text, among: names))
        return nil
      },
      encode: { .string($0.rawValue) })
  }
}
