import Certificates
import Services

extension FuzzTarget {
  static let serverKey = FuzzTarget(
    "server-key", "A key file gives a key or an error in words; a key's PKCS#8 form gives the same key."
  ) { bytes in
    do {
      let key = try ServerKey(pem: bytes, passphrase: Secret("secret"))
      try require(try ServerKey(pkcs8: key.pkcs8).publicKey == key.publicKey, "another key")
    } catch let error as KeyReadingError {
      try require(!"\(error)".isEmpty, "an error without words")
    }
    // The DER alone, which base64 would hide from the fuzzer.
    if let key = try? ServerKey(pkcs8: Secret(bytes)) {
      try require(try ServerKey(pkcs8: key.pkcs8).publicKey == key.publicKey, "another key")
    }
  }
}
