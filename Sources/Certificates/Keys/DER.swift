import SwiftASN1

/// `AlgorithmIdentifier` (RFC 5280 §4.1.1.2).
struct AlgorithmName: Hashable, Sendable {
  let identifier: ASN1ObjectIdentifier
  /// The parameters' own DER, if any.
  let parameters: ArraySlice<UInt8>?

  init(_ node: ASN1Node) throws {
    (identifier, parameters) = try DER.sequence(node, identifier: .sequence) { nodes in
      (try ASN1ObjectIdentifier(derEncoded: &nodes), nodes.next()?.encodedBytes)
    }
  }

  /// The parameters, when they are an object identifier, such as the name of a curve.
  var parametersIdentifier: ASN1ObjectIdentifier? {
    parameters.flatMap { try? ASN1ObjectIdentifier(derEncoded: $0) }
  }
}

extension ASN1ObjectIdentifier {
  static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]
  static let ecPublicKey: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
  static let curveP256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
  static let curveP384: ASN1ObjectIdentifier = [1, 3, 132, 0, 34]
  static let curveP521: ASN1ObjectIdentifier = [1, 3, 132, 0, 35]
  static let curve25519Signing: ASN1ObjectIdentifier = [1, 3, 101, 112]
}

/// The content of a constructed value; throws for a primitive one.
func children(of node: ASN1Node) throws -> ASN1NodeCollection {
  guard case .constructed(let nodes) = node.content else {
    throw ASN1Error.unexpectedFieldType(node.identifier)
  }
  return nodes
}

/// Bits of an unsigned number from its octets, highest first.
func bitWidth(_ octets: ArraySlice<UInt8>) -> Int {
  let significant = octets.drop { $0 == 0 }
  guard let first = significant.first else { return 0 }
  return significant.count * 8 - first.leadingZeroBitCount
}

/// The DER of a value.
func encoded(_ value: some DERSerializable) throws -> [UInt8] {
  var serializer = DER.Serializer()
  try serializer.serialize(value)
  return serializer.serializedBytes
}
