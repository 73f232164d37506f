import Transport
import WireKit

extension FuzzTarget {
  static let proxyHeader = FuzzTarget(
    "proxy-header", "A header takes no more than there is, and its front alone is incomplete or the same header."
  ) { bytes in
    let whole = ProxyHeader.parse(bytes.span.bytes)
    if case .complete(let header) = whole {
      try require((1...bytes.count).contains(header.length), "length \(header.length) of \(bytes.count)")
      try require(ProxyHeader.parse(bytes.span.bytes.extracting(0..<header.length)) == whole, "needs what follows it")
    }
    for cut in cuts(bytes.count) {
      switch ProxyHeader.parse(bytes.span.bytes.extracting(0..<cut)) {
      case .complete(let header): try require(whole == .complete(header), "another header at \(cut)")
      case .malformed: try require(whole == .malformed, "malformed at \(cut) and mended later")
      case .incomplete: break
      }
    }
  }
}
