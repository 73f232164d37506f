@testable import HTTPCore
import Testing
import WireKit

@Suite struct SemanticsTests {
  @Test(arguments: [
    ("/", "", true), ("/a", "a", false), ("/a/", "a/", true), ("/a/b.html", "a/b.html", false),
    ("/a/../b", "b", false), ("/a/./b", "a/b", false), ("/a/b/..", "a/", true), ("/a/.", "a/", true),
    ("/a//b", "a/b", false), ("//a", "a", false), ("/%61%2e%2E", "a..", false), ("/a/%2e%2e/b", "b", false),
    ("/%C3%A4", "ä", false), ("/a%20b", "a b", false), ("/...", "...", false),
  ])
  func paths(_ path: String, _ expected: String, _ isDirectory: Bool) {
    let result = RequestPath(Array(path.utf8).span.bytes)
    #expect(result?.octets == Array(expected.utf8))
    #expect(result?.isDirectory == isDirectory)
  }

  @Test(arguments: [
    "", "a", "/..", "/../a", "/a/../..", "/%2e%2e/etc/passwd", "/%2e./x", "/a%2fb", "/a%2Fb", "/a%00", "/%", "/%4",
    "/%zz", "/a\\b", "/%5c..%5c", "/a%0a", "/a%7f", "/..%2f..", "/a/%2e%2e/%2e%2e/b",
  ])
  func refusedPaths(_ path: String) { #expect(RequestPath(Array(path.utf8).span.bytes) == nil) }

  @Test(arguments: [
    ("/.git/config", true), ("/a/.env", true), ("/.well-known/acme-challenge/x", false), ("/.well-known2/x", true),
    ("/a..", false), ("/%2egit", true),
  ])
  func hidden(_ path: String, _ isHidden: Bool) {
    #expect(RequestPath(Array(path.utf8).span.bytes)?.hasHiddenSegment == isHidden)
  }

  @Test(arguments: [
    ("bytes=0-0", ByteRanges.Outcome.parts([0..<1])), ("bytes=0-", .parts([0..<100])), ("bytes=-1", .parts([99..<100])),
    ("bytes=-1000", .parts([0..<100])), ("bytes=99-99", .parts([99..<100])), ("bytes=99-1000", .parts([99..<100])),
    ("bytes=100-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=5-2", .whole), ("bytes=", .whole),
    ("bytes=a-b", .whole), ("lines=1-2", .whole), ("bytes=0-1,98-99", .parts([0..<2, 98..<100])),
    ("bytes=0-10,5-20", .parts([0..<21])), ("bytes=0-10,11-20", .parts([0..<21])),
    ("bytes= 0-1 , 5-6", .parts([0..<2, 5..<7])),
    ("bytes=0-1,200-", .parts([0..<2])), ("bytes=0-49,50-99", .whole), ("bytes=+1-2", .whole), ("bytes=1-2-3", .whole),
    ("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32", .whole),
    ("bytes=99999999999999999999-", .unsatisfiable), ("bytes=-99999999999999999999", .parts([0..<100])),
    ("bytes=1-99999999999999999999", .parts([1..<100])), ("BYTES=1-1", .parts([1..<2])),
  ])
  func ranges(_ value: String, _ expected: ByteRanges.Outcome) {
    #expect(ByteRanges.parse(Array(value.utf8).span.bytes, length: 100) == expected)
  }

  @Test func rangesOfNothing() {
    #expect(ByteRanges.parse(Array("bytes=0-".utf8).span.bytes, length: 0) == .unsatisfiable)
    #expect(ByteRanges.parse(Array("bytes=-5".utf8).span.bytes, length: 0) == .unsatisfiable)
  }

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
    ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Tue, 29 Feb 2000 23:59:60 GMT", 951_868_799), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
  ])
  func dates(_ text: String, _ seconds: Int64) {
    #expect(HTTPDate(Array(text.utf8).span.bytes)?.seconds == seconds)
  }

  @Test(arguments: [
    "", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Foo 1994 08:49:37 GMT", "784111777",
    "Sun, 00 Nov 1994 08:49:37 GMT",
  ])
  func badDates(_ text: String) { #expect(HTTPDate(Array(text.utf8).span.bytes) == nil) }

  @Test func datesRoundTrip() {
    for day in stride(from: Int64(-700_000), through: 2_900_000, by: 37) {
      let date = HTTPDate(seconds: day * 86_400 + day % 86_400)
      #expect(HTTPDate(date.octets.span.bytes) == date)
    }
  }

  struct Condition: Sendable, CustomTestStringConvertible {
    var fields: [String: String]
    var method = Method.get
    var exists = true
    var expected: Preconditions.Outcome
    var testDescription: String { "\(fields) \(method)" }
  }

  static let earlier = "Sun, 06 Nov 1994 08:49:36 GMT"
  static let same = "Sun, 06 Nov 1994 08:49:37 GMT"
  static let later = "Sun, 06 Nov 1994 08:49:38 GMT"

  /// RFC 9110 §13.2.2, step by step.
  @Test(arguments: [
    Condition(fields: [:], expected: .proceed),
    Condition(fields: ["If-Match": "\"a\""], expected: .proceed),
    Condition(fields: ["If-Match": "\"b\", \"a\""], expected: .proceed),
    Condition(fields: ["If-Match": "W/\"a\""], expected: .failed),
    Condition(fields: ["If-Match": "\"b\""], expected: .failed),
    Condition(fields: ["If-Match": "*"], expected: .proceed),
    Condition(fields: ["If-Match": "*"], exists: false, expected: .failed),
    Condition(fields: ["If-Unmodified-Since": earlier], expected: .failed),
    Condition(fields: ["If-Unmodified-Since": same], expected: .proceed),
    Condition(fields: ["If-Match": "\"a\"", "If-Unmodified-Since": earlier], expected: .proceed),
    Condition(fields: ["If-None-Match": "\"a\""], expected: .notModified),
    Condition(fields: ["If-None-Match": "W/\"a\""], expected: .notModified),
    Condition(fields: ["If-None-Match": "\"a\""], method: .put, expected: .failed),
    Condition(fields: ["If-None-Match": "*"], method: .put, expected: .failed),
    Condition(fields: ["If-None-Match": "*"], method: .put, exists: false, expected: .proceed),
    Condition(fields: ["If-None-Match": "\"b\""], expected: .proceed),
    Condition(fields: ["If-None-Match": "\"b\"", "If-Modified-Since": later], expected: .proceed),
    Condition(fields: ["If-Modified-Since": same], expected: .notModified),
    Condition(fields: ["If-Modified-Since": later], expected: .notModified),
    Condition(fields: ["If-Modified-Since": earlier], expected: .proceed),
    Condition(fields: ["If-Modified-Since": later], method: .put, expected: .proceed),
    Condition(fields: ["If-Modified-Since": "yesterday"], expected: .proceed),
    Condition(fields: ["If-Match": "\"a\"", "If-None-Match": "\"a\""], expected: .notModified),
  ])
  func preconditions(_ condition: Condition) {
    var fields = Fields()
    for (name, value) in condition.fields { fields.append(name, value) }
    let tag = condition.exists ? EntityTag("a".utf8) : nil
    let modified = condition.exists ? HTTPDate(seconds: 784_111_777) : nil
    #expect(
      Preconditions.evaluate(fields, method: condition.method, tag: tag, modified: modified) == condition.expected)
  }

  @Test(arguments: [
    ("\"a\"", true), ("W/\"a\"", false), ("\"b\"", false), (same, true), (later, false), ("x", false),
  ])
  func ifRange(_ value: String, _ allows: Bool) {
    var fields = Fields()
    fields.append(.ifRange, value)
    #expect(
      Preconditions.allowsRange(fields, tag: EntityTag("a".utf8), modified: HTTPDate(seconds: 784_111_777)) == allows)
  }

  @Test(arguments: [
    ("gzip, br", ContentCoding?.some(.br)), ("gzip;q=1, br;q=0.5", .gzip), ("*", .br), ("identity", .identity),
    ("", .identity), ("gzip;q=0", .identity), ("identity;q=0", nil), ("*;q=0", nil), ("*;q=0, gzip", .gzip),
    ("GZIP", .gzip), ("gzip;q=0.001", .gzip), ("gzip;q=nonsense", .identity), ("deflate", .identity),
  ])
  func encodings(_ value: String, _ expected: ContentCoding?) {
    var fields = Fields()
    fields.append(.acceptEncoding, value)
    #expect(AcceptEncoding.choose(fields, among: [.br, .gzip, .identity]) == expected)
  }

  @Test(arguments: [
    ("index.html", "text/html; charset=utf-8"), ("A.CSS", "text/css; charset=utf-8"), ("x.tar.gz", "application/gzip"),
    ("noextension", "application/octet-stream"), ("font.woff2", "font/woff2"), ("x.pdf", "application/pdf"),
  ])
  func types(_ name: String, _ type: String) { #expect(MediaType.forFile(named: name).description == type) }

  @Test func everyKnownNameIsRecognised() {
    for name in FieldName.allCases where name != .other {
      #expect(FieldName(Array(name.text.description.utf8).span.bytes) == name)
      #expect(FieldName(Array(name.capitalised.description.utf8).span.bytes) == name)
    }
    #expect(FieldName(Array("hosts".utf8).span.bytes) == .other)
    #expect(FieldName([UInt8]().span.bytes) == .other)
  }

  @Test func methodsAreRecognised() {
    for method in Method.allCases where method != .other {
      #expect(Method(Array(method.text.description.utf8).span.bytes) == method)
    }
    #expect(Method(Array("get".utf8).span.bytes) == .other)
    #expect(Method(Array("BREW".utf8).span.bytes) == .other)
  }

  @Test func escapesForHTML() {
    #expect(
      HTMLEscaping.escape("<img onerror='x' a=\"&\">\u{1B}") == "&lt;img onerror=&#39;x&#39; a=&quot;&amp;&quot;&gt;")
  }
}
