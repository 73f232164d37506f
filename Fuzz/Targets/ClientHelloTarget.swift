import Transport
import WireKit

extension FuzzTarget {
  static let clientHello = FuzzTarget(
    "tls-client-hello", "A hello cut short is incomplete or malformed, and never another hello."
  ) { bytes in
    let whole = ClientHello.parse(bytes.span.bytes)
    for cut in cuts(bytes.count) {
      switch ClientHello.parse(bytes.span.bytes.extracting(0..<cut)) {
      case .complete(let hello): try require(whole == .complete(hello), "another hello at \(cut)")
      case .malformed: try require(whole == .malformed, "malformed at \(cut) and mended later")
      case .incomplete: break
      }
    }
  }

  /// A few places to cut at, the end included.
  static func cuts(_ count: Int) -> [Int] {
    Array(Set([0, 1, 5, count / 3, count / 2, count - 1, count])).filter { 0...count ~= $0 }
  }
}
