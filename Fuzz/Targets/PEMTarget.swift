import Certificates

extension FuzzTarget {
  static let pem = FuzzTarget("pem", "Blocks that are read print to a text with the same blocks.") { bytes in
    guard let blocks = try? PEM.blocks(in: bytes) else { return }
    for block in blocks {
      let plain = PEMBlock(label: block.label, bytes: block.bytes)
      try require(try PEM.blocks(in: Array(plain.text.utf8)) == [plain], plain.text)
    }
  }
}
