/// How a list names its elements' type.
private func plural(_ name: String) -> String {
  if name.hasPrefix("\"") { return name }
  if let or = name.firstRange(of: " or ") {
    return plural(String(name[..<or.lowerBound])) + " or " + plural(String(name[or.upperBound...]))
  }
  return name.hasSuffix("s") ? name + "es" : name + "s"
}

extension Codec {
  /// A list. With an element that can't be read, the whole list can't.
  static func list<Element: Hashable & Sendable>(
    _ element: Codec<Element>, count: ClosedRange<Int> = 0...1024, unique: Bool = true
  ) -> Codec where Value == [Element] {
    let typeName = "list of \(plural(element.typeName))"
    let bounds = count.lowerBound > 0 ? "at least \(count.lowerBound)" : nil
    return Codec(
      typeName: typeName, shape: .list(element.shape),
      bounds: [bounds, element.bounds].compactMap { $0 }.joined(separator: ", ").nonEmpty,
      decode: { value, path, decoding in
        guard case .array(let items) = value.content else {
          let hint: String? = if case .table = value.content { nil } else { "put it in brackets: [ … ]" }
          decoding.error(path, value.position, "expected a \(typeName), found \(value.typeName)", hint: hint)
          return nil
        }
        guard count.contains(items.count) else {
          let limit = items.count < count.lowerBound ? "at least \(count.lowerBound)" : "at most \(count.upperBound)"
          decoding.error(path, value.position, "\(items.count) elements: \(limit) expected")
          return nil
        }
        return decodeElements(items, element, path, unique, &decoding)
      },
      encode: { .list($0.compactMap(element.encode)) },
      validate: { items in
        items.enumerated().flatMap { index, item in
          element.validate(item).map { $0.below(ConfigurationPath.root.appending(index: index)) }
        }
      })
  }

  private static func decodeElements<Element: Hashable & Sendable>(
    _ items: [TOMLValue], _ element: Codec<Element>, _ path: ConfigurationPath, _ unique: Bool,
    _ decoding: inout Decoding
  ) -> [Element]? {
    var result: [Element] = []
    var seen: [Element: Int] = [:]
    var failed = false
    for (index, item) in items.enumerated() {
      let place = path.appending(index: index)
      decoding.record(place, item.position)
      guard let decoded = element.decode(item, place, &decoding) else {
        failed = true
        continue
      }
      if unique, let first = seen[decoded] {
        decoding.error(place, item.position, "the same as \(path.appending(index: first))")
        failed = true
      }
      seen[decoded] = index
      result.append(decoded)
    }
    return failed ? nil : result
  }

  /// A table with free keys of one form. Entries that can't be read are left out.
  static func map<Key: ConfigurationText & Comparable, Element: Sendable>(
    _ key: Key.Type, _ element: Codec<Element>
  ) -> Codec where Value == [Key: Element] {
    Codec(
      typeName: "table from \(Key.typeName) to \(element.typeName)", shape: .map(key: Key.typeName, element.shape),
      bounds: element.bounds,
      decode: { value, path, decoding in
        guard case .table(let table) = value.content else {
          decoding.error(
            path, value.position, "expected a table with a \(Key.typeName) as each key, found \(value.typeName)")
          return nil
        }
        return decodeEntries(table, element, path, &decoding)
      },
      encode: { map in
        .table(
          map.sorted { $0.key < $1.key }.compactMap { key, value in
            element.encode(value).map { PlainValue.Entry(key.description, $0) }
          })
      },
      validate: { map in
        map.sorted { $0.key < $1.key }.flatMap { key, value in
          element.validate(value).map { $0.below(ConfigurationPath(key.description)) }
        }
      })
  }

  private static func decodeEntries<Key: ConfigurationText, Element: Sendable>(
    _ table: TOMLTable, _ element: Codec<Element>, _ path: ConfigurationPath, _ decoding: inout Decoding
  ) -> [Key: Element] {
    var result: [Key: Element] = [:]
    for entry in table.entries {
      let key: Key
      do throws(TextError) {
        key = try Key(configuration: entry.key)
      } catch {
        decoding.error(path, entry.keyPosition, error.message, hint: error.hint, hidesValue: true)
        continue
      }
      let place = path.appending(key.description)
      if let first = decoding.keyPositions[place] {
        decoding.error(place, entry.keyPosition, "the same \(Key.typeName) as in line \(first.line)")
        continue
      }
      decoding.record(place, entry.value.position, key: entry.keyPosition)
      if let decoded = element.decode(entry.value, place, &decoding) { result[key] = decoded }
    }
    return result
  }

  /// A table with the keys of a record.
  static func record() -> Codec where Value: ConfigurationRecord {
    Codec(
      typeName: "table", shape: .table(Value.schema.description),
      decode: { value, path, decoding in
        guard case .table(let table) = value.content else {
          decoding.error(path, value.position, "expected a table, found \(value.typeName)")
          return nil
        }
        return Value.schema.decode(table, at: value.position, path, &decoding)
      },
      encode: { Value.schema.encode($0) },
      validate: { Value.schema.validate($0) })
  }

  /// A value that may stand as a string where its table would hold just one thing.
  static func either<Short: ConfigurationText>(
    _ short: Short.Type, expanded: @escaping @Sendable (Short) -> Value,
    shortened: @escaping @Sendable (Value) -> Short?
  ) -> Codec where Value: ConfigurationRecord {
    let plain = Codec<Short>.text()
    let full = Codec<Value>.record()
    return Codec(
      typeName: "\(Short.typeName) or table", shape: .either(plain.shape, full.shape),
      decode: { value, path, decoding in
        switch value.content {
        case .table: return full.decode(value, path, &decoding)
        case .string: return plain.decode(value, path, &decoding).map(expanded)
        default:
          decoding.error(path, value.position, "expected \(Short.form), or a table, found \(value.typeName)")
          return nil
        }
      },
      encode: { value in shortened(value).flatMap(plain.encode) ?? full.encode(value) },
      validate: full.validate)
  }
}

extension Codec {
  /// `true` for a record with its defaults, `false` for none, or the record's table.
  static func switched<Record: ConfigurationRecord>(on defaults: Record) -> Codec where Value == Record? {
    let full = Codec<Record>.record()
    return Codec(
      typeName: "true, false or table", shape: .either(.scalar(accepts: .boolean), full.shape),
      decode: { value, path, decoding in
        switch value.content {
        case .boolean(let isOn): return .some(isOn ? defaults : nil)
        case .table: return full.decode(value, path, &decoding).map { .some($0) }
        default:
          decoding.error(path, value.position, "expected true, false or a table, found \(value.typeName)")
          return nil
        }
      },
      encode: { $0.flatMap { $0 == defaults ? .boolean(true) : full.encode($0) } },
      validate: { $0.map(full.validate) ?? [] })
  }
}

extension String {
  /// The string, or `nil` when there is nothing in it.
  var nonEmpty: String? { isEmpty ? nil : self }
}
