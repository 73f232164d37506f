import ACMECore

extension FuzzTarget {
  static let acmeJSON = FuzzTarget("acme-json", "JSON that is read is written so that it reads the same.") { bytes in
    guard let value = JSONValue(bytes) else { return }
    try require(JSONValue(value.bytes) == value, "another value")
  }

  static let acmeRequest = FuzzTarget(
    "acme-request", "A signed request is taken apart or refused, and nobody's key signs it by chance."
  ) { bytes in
    _ = TimeText.seconds(String(decoding: bytes, as: UTF8.self))
    _ = ACMEProblem(bytes, status: 400)
    guard let signed = SignedRequest(bytes) else { return }
    try require(!signed.isSigned(bySecret: [1, 2, 3]), "signed by a secret that it can't know")
  }
}
