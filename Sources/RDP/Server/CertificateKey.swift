/// Finds the key in a certificate.
enum CertificateKey {
  /// SubjectPublicKey (RFC 5280 §4.1.2.7): the contents of the BIT STRING, which CredSSP binds to. `nil` for what is no
  /// certificate.
  static func subjectPublicKey(ofCertificate der: [UInt8]) -> [UInt8]? {
    var outer = Elements(der[...])
    guard let certificate = outer.next(0x30) else { return nil }
    var parts = Elements(certificate)
    guard let tbs = parts.next(0x30) else { return nil }
    var fields = Elements(tbs)
    // Version (optional), serial number, signature algorithm, issuer, validity, subject.
    if fields.nextTag == 0xA0 { _ = fields.next(0xA0) }
    for tag in [0x02, 0x30, 0x30, 0x30, 0x30] as [UInt8] { guard fields.next(tag) != nil else { return nil } }
    guard let info = fields.next(0x30) else { return nil }
    var key = Elements(info)
    guard key.next(0x30) != nil, let bits = key.next(0x03), bits.first == 0 else { return nil }
    return Array(bits.dropFirst())
  }

  /// DER elements, one after the other.
  private struct Elements {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var nextTag: UInt8? { rest.first }

    mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
      guard rest.count >= 2, rest.first == tag else { return nil }
      var bytes = rest.dropFirst()
      guard var length = bytes.popFirst().map(Int.init) else { return nil }
      if length & 0x80 != 0 {
        let count = length & 0x7F
        guard (1...3).contains(count), bytes.count >= count else { return nil }
        length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
        bytes = bytes.dropFirst(count)
      }
      guard bytes.count >= length else { return nil }
      rest = bytes.dropFirst(length)
      return bytes.prefix(length)
    }
  }
}
