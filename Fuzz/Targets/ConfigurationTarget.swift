import Configuration

extension FuzzTarget {
  static let configuration = FuzzTarget(
    "configuration",
    "A configuration or errors at places that the file has; what was loaded exports to what loads the same."
  ) { bytes in
    let loaded = ConfigurationLoader().load(bytes, name: "fuzz")
    try require((loaded.configuration == nil) == loaded.hasErrors, "a configuration beside errors, or neither")
    for finding in loaded.findings {
      try requirePlace(finding.position, in: bytes)
      try require(!loaded.describeWithExcerpt(finding).isEmpty, "a finding without a text")
    }
    guard let configuration = loaded.configuration else { return }
    let exported = configuration.exportTOML()
    try require(ConfigurationLoader().load(exported, name: "export").configuration == configuration, exported)
  }
}
