import HTTPClient
import Testing

@Suite struct URLTests {
  @Test(arguments: [
    ("http://a", "a", 80, "/"), ("HTTPS://a:8443/x?y#z", "a", 8443, "/x?y"), ("http://[::1]:8080/", "::1", 8080, "/"),
    ("http://a?x", "a", 80, "/?x"), ("https://a:", "a", 443, "/"), ("http://[::1]", "::1", 80, "/"),
  ])
  func parses(_ text: String, _ host: String, _ port: UInt16, _ target: String) {
    let url = HTTPURL(text)
    #expect(url?.host == host && url?.port == port && url?.target == target)
  }

  @Test(arguments: [
    "", "a", "ftp://a", "http://", "http://:80", "http://u@a/", "http://a:99999", "http://a:x", "http:/a",
  ])
  func refuses(_ text: String) { #expect(HTTPURL(text) == nil) }
}
