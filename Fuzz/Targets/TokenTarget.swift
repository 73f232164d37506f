import TokenCore

extension FuzzTarget {
  static let token = FuzzTarget(
    "token", "A token is taken apart or refused; nobody's key signs it by chance, and a set of keys stays bounded."
  ) { bytes in
    let keys = KeySet(bytes)
    guard let token = SignedToken(bytes) else { return }
    _ = token.complaint(audience: ["mail"], at: 0)
    _ = token.complaint(audience: ["mail"], at: 1_800_000_000)
    _ = token.text(of: "email")
    if let keys { try require(!token.isSigned(by: keys), "signed by a key that it can't hold") }
    if let none = KeySet(Array(#"{"keys": []}"#.utf8)) { try require(!token.isSigned(by: none), "signed by nobody") }
  }
}
