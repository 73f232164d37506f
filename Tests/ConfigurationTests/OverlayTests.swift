import Testing

@testable import Configuration

/// What is set beside the file.
struct OverlayTests {
  private let file = """
    [server]
    hostname = "srv.example.org"
    data = "/var/lib/portside"
    [listen]
    lan = ["192.168.1.1"]
    [smtp]
    on = ["lan"]
    domains = ["example.org"]
    max_size = "35MB"
    [http]
    on = ["lan"]
    [http.sites."www.example.org"]
    root = "/srv/www"
    """

  private func load(_ overlay: ConfigurationOverlay) -> LoadedConfiguration {
    ConfigurationLoader().load(file, name: "portside.toml", overlay: overlay)
  }

  private func path(_ text: String) throws -> ConfigurationPath {
    try #require(ConfigurationKeys.path(text), "\(text)")
  }

  @Test func keysAreLaidOverTheFile() throws {
    var overlay = ConfigurationOverlay()
    try overlay.set(path("smtp.max_recipients"), to: "700")
    try overlay.set(path("smtp.block_lists"), to: "zen.example.org, bl.example.org")
    try overlay.set(path("http.sites.intern.example.org.root"), to: "/srv/intern")
    try overlay.set(path("smtp.enabled"), to: "true")
    let loaded = load(overlay)
    #expect(!loaded.hasErrors, "\(loaded.findings)")
    let configuration = try #require(loaded.configuration)
    #expect(configuration.smtp.maxRecipients == 700 && configuration.smtp.blockLists.count == 2)
    #expect(Set(configuration.http.sites.keys.map(\.description)) == ["www.example.org", "intern.example.org"])
    // What was written comes back.
    #expect(try ConfigurationOverlay(parsing: overlay.text) == overlay)
    #expect(overlay.text.contains(#"http.sites."intern.example.org".root = "/srv/intern""#))
  }

  @Test func theFilesKeysAndObjectsAreItsOwn() throws {
    let loaded = load(ConfigurationOverlay())
    #expect(loaded.owner(of: try path("smtp.max_size")) == "portside.toml:9:1")
    #expect(loaded.owner(of: try path("smtp.max_recipients")) == nil)
    // An object is the file's as a whole, also a key of it that the file does not set.
    #expect(loaded.owner(of: try path("http.sites.www.example.org.browse"))?.hasPrefix("portside.toml:") == true)
    #expect(loaded.owner(of: try path("http.sites.other.example.org.root")) == nil)
    // Where the file takes over what was set beside it, the file counts, and it is told.
    var overlay = ConfigurationOverlay()
    try overlay.set(path("smtp.max_size"), to: "1MB")
    let both = load(overlay)
    #expect(!both.hasErrors && both.findings.map(\.severity) == [.warning])
    #expect(both.configuration?.smtp.maxSize == load(ConfigurationOverlay()).configuration?.smtp.maxSize)
  }

  @Test func differencesAndRemovals() throws {
    var old = ConfigurationOverlay()
    try old.set(path("smtp.max_recipients"), to: "700")
    var new = old
    try new.set(path("smtp.max_recipients"), to: "800")
    try new.set(path("http.sites.a.test.root"), to: "/a")
    #expect(
      new.difference(from: old) == [
        #"+ http.sites."a.test".root = "/a""#, "- smtp.max_recipients = 700", "+ smtp.max_recipients = 800",
      ])
    let removed = new.remove(try path("http.sites.a.test"))
    #expect(removed == 1 && new.entries.count == 1)
  }

  @Test func whatIsNoKeyOrNoValueIsRefused() throws {
    #expect(ConfigurationKeys.path("smtp.nothing") == nil && ConfigurationKeys.path("") == nil)
    #expect(ConfigurationKeys.path("http.sites") != nil)
    var overlay = ConfigurationOverlay()
    #expect(throws: TextError.self) { try overlay.set(try path("http.sites"), to: "x") }
    #expect(throws: TextError.self) { try overlay.set(try path("smtp"), to: "x") }
    try overlay.set(path("smtp.max_recipients"), to: "many")
    let loaded = load(overlay)
    #expect(loaded.findings.contains { $0.severity == .error && $0.path == (try? path("smtp.max_recipients")) })
  }

  @Test func everyKeyCanBeNamed() {
    let keys = ConfigurationKeys.all
    #expect(keys.count > 100)
    for key in keys { #expect(ConfigurationKeys.path(key.path) != nil, "\(key.path)") }
  }
}
