import HTTPCore
import WireKit

extension FuzzTarget {
  static let httpRanges = FuzzTarget(
    "http-ranges", "Ranges lie within the content, hold something, and do not overlap."
  ) {
    bytes in
    for length in [0, 1, 1000, Int64.max] {
      guard case .parts(let parts) = ByteRanges.parse(bytes.span.bytes, length: length) else { continue }
      try require((1...16).contains(parts.count), "\(parts.count) parts")
      for (index, part) in parts.enumerated() {
        try require(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= length, "\(part) of \(length)")
        try require(!parts[..<index].contains { $0.overlaps(part) }, "\(parts) overlap")
      }
    }
  }

  static let httpPath = FuzzTarget(
    "http-path",
    "A path that is taken has no empty, dot or control segment, leads nowhere above its root, and is its own normal form."
  ) { bytes in
    guard let path = RequestPath(bytes.span.bytes) else { return }
    try require(path.octets.first != 0x2F, "an absolute path: \(path.text)")
    try require(path.octets.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x5C }, "a control character: \(path.text)")
    let segments = path.octets.split(separator: 0x2F, omittingEmptySubsequences: false)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      try require(isLast || !segment.isEmpty, "an empty segment: \(path.text)")
      try require(!segment.elementsEqual([0x2E]) && !segment.elementsEqual([0x2E, 0x2E]), "dots: \(path.text)")
    }
    let encoded = Array(("/" + PercentEncoding.path(path.octets)).utf8)
    try require(RequestPath(encoded.span.bytes)?.octets == path.octets, "another normal form: \(path.text)")
  }

  static let httpDate = FuzzTarget("http-date", "A date that is read is written so that it reads the same.") { bytes in
    guard let date = HTTPDate(bytes.span.bytes) else { return }
    try require(HTTPDate(date.octets.span.bytes) == date, "\(date.seconds)")
  }

  static let httpConditions = FuzzTarget(
    "http-conditions",
    "Conditions and codings are judged whatever the fields say, and a failing request is never a 304."
  ) { bytes in
    let names: [FieldName] = [.ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .acceptEncoding]
    var fields = Fields()
    for (index, line) in bytes.split(separator: 0x0A, maxSplits: 8).enumerated() where index < names.count {
      fields.append(names[index], octets: line)
    }
    let tag = EntityTag(Array("abc".utf8))
    let date = HTTPDate(seconds: 784_111_777)
    for method in [Method.get, .put] {
      let outcome = Preconditions.evaluate(fields, method: method, tag: tag, modified: date)
      try require(method == .get || outcome != .notModified, "304 for PUT")
    }
    _ = Preconditions.allowsRange(fields, tag: tag, modified: date)
    let available: [ContentCoding] = [.br, .gzip, .identity]
    if let coding = AcceptEncoding.choose(fields, among: available) {
      try require(available.contains(coding), "\(coding)")
    }
  }
}
