import Configuration
import Foundation
import Testing

/// The vectors after toml-test's categories. `toml_oracle.py` compares the same vectors with Python's tomllib.
@Suite struct TOMLVectorTests {
  /// A value with its type: `["integer", "1"]`, a list, or a table.
  indirect enum Tagged: Decodable, Equatable {
    case text(String)
    case list([Tagged])
    case table([String: Tagged])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let list = try? container.decode([Tagged].self) {
        self = .list(list)
      } else {
        self = .table(try container.decode([String: Tagged].self))
      }
    }

    init(_ value: TOMLValue) {
      func tag(_ type: String, _ text: String) -> Tagged { .list([.text(type), .text(text)]) }
      switch value.content {
      case .string(let text): self = tag("string", text)
      case .integer(let number): self = tag("integer", "\(number)")
      case .float(let number):
        let digits = String(number.bitPattern, radix: 16)
        self = tag("float", number.isNaN ? "nan" : String(repeating: "0", count: 16 - digits.count) + digits)
      case .boolean(let flag): self = tag("boolean", "\(flag)")
      case .dateTime(let date): self = tag("date", date.description)
      case .array(let elements): self = .list(elements.map(Tagged.init))
      case .table(let table): self = Tagged(table)
      }
    }

    init(_ table: TOMLTable) {
      self = .table(Dictionary(uniqueKeysWithValues: table.entries.map { ($0.key, Tagged($0.value)) }))
    }
  }

  struct Valid: Decodable {
    var name: String
    var document: String
    var values: Tagged
  }

  struct Invalid: Decodable {
    var name: String
    var document: String?
    var bytes: String?
    /// `line:column: message`, the first error.
    var error: String?

    var content: [UInt8] {
      guard let bytes else { return Array((document ?? "").utf8) }
      return stride(from: 0, to: bytes.count, by: 2).compactMap { UInt8(bytes.dropFirst($0).prefix(2), radix: 16) }
    }
  }

  @Test func validDocumentsHaveTheirValues() throws {
    let vectors = try JSONDecoder().decode([Valid].self, from: Data(fixture("toml-valid.json").utf8))
    #expect(vectors.count > 70)
    for vector in vectors {
      let outcome = TOMLDocument.parse(Array(vector.document.utf8))
      #expect(outcome.errors.isEmpty, "\(vector.name): \(outcome.errors)")
      #expect(outcome.document.map { Tagged($0.root) } == vector.values, "\(vector.name)")
    }
  }

  @Test func invalidDocumentsAreRefusedAtTheirPlace() throws {
    let vectors = try JSONDecoder().decode([Invalid].self, from: Data(fixture("toml-invalid.json").utf8))
    #expect(vectors.count > 200)
    for vector in vectors {
      let first = TOMLDocument.parse(vector.content).errors.first
      let text = first.map {
        "\($0.position.line):\($0.position.column): \($0.message)" + ($0.hint.map { "; \($0)" } ?? "")
      }
      if ProcessInfo.processInfo.environment["PRINT_VECTORS"] != nil {
        print("VECTOR\t\(vector.name)\t\(text ?? "NONE")")
      }
      #expect(text == vector.error, "\(vector.name)")
    }
  }
}

@Suite struct TOMLTests {
  /// TOML compares keys by their code points; Swift's strings would find these two equal.
  @Test func keysThatOnlyLookAlikeAreDifferent() throws {
    let document = try TOMLDocument("\"e\u{301}\" = 1\n\"\u{E9}\" = 2\n")
    #expect(document.root.entries.map(\.value.content) == [.integer(1), .integer(2)])
    #expect(document.root["\u{E9}"]?.value.content == .integer(2))
  }

  @Test func everythingHasItsPosition() throws {
    let document = try TOMLDocument("a.b = [ 1,\n  \"ü\", { c = 2 } ]\n[[t]]\n  x = '''\n''' # é\ny = 1\n")
    let a = try #require(document.root["a"])
    #expect(a.keyPosition == TOMLPosition(line: 1, column: 1))
    guard case .table(let table) = a.value.content, let b = table["b"], case .array(let list) = b.value.content else {
      Issue.record("a.b is no list")
      return
    }
    #expect(b.keyPosition == TOMLPosition(line: 1, column: 3))
    #expect(b.value.position == TOMLPosition(line: 1, column: 7))
    #expect(list.map(\.position.line) == [1, 2, 2])
    #expect(list.map(\.position.column) == [9, 3, 8])
    guard case .table(let inline) = list[2].content else {
      Issue.record("no inline table")
      return
    }
    #expect(inline["c"]?.keyPosition == TOMLPosition(line: 2, column: 10))
    #expect(inline["c"]?.value.position == TOMLPosition(line: 2, column: 14))
    guard case .array(let tables) = document.root["t"]?.value.content, case .table(let t) = tables[0].content else {
      Issue.record("t is no list of tables")
      return
    }
    #expect(t["y"]?.keyPosition == TOMLPosition(line: 6, column: 1))
  }

  @Test func severalDuplicatesAreFoundAtOnce() {
    let outcome = TOMLDocument.parse(Array("a = 1\na = 2\n[b]\n[b]\nc = 1\n[d]\ne = 1\ne = 2\n= 3\n".utf8))
    #expect(outcome.errors.map(\.position.line) == [2, 4, 8, 9])
    #expect(outcome.document == nil)
  }

  @Test func aHugeFileIsRefusedBeforeItIsRead() {
    var limits = TOMLDocument.Limits()
    limits.bytes = 10
    #expect(
      TOMLDocument.parse(Array("aaaaaaaaaa=1".utf8), limits: limits).errors.first?.message.contains("larger") == true)
  }

  /// A line of 200,000 tokens takes linear time; counting its columns from the start each time would take minutes.
  @Test func aLongLineTakesLinearTime() throws {
    let clock = ContinuousClock()
    let text = "a = [" + String(repeating: "1, ", count: 200_000) + "]\n"
    let elapsed = try clock.measure { _ = try TOMLDocument(text) }
    #expect(elapsed < .seconds(30))
  }

  @Test func whatIsWrittenCanBeRead() throws {
    for text in ["", "a", "a b", "ü", "\"", "\\", "\n\t\r", "\u{0}\u{7F}\u{85}\u{202E}", "a.b", "#", "'", "\u{1F600}"] {
      let document = try TOMLDocument("\(TOMLText.key(text)) = \(TOMLText.string(text))")
      #expect(document.root.entries.map(\.key) == [text])
      #expect(document.root.entries.map(\.value.content) == [.string(text)])
    }
  }
}
