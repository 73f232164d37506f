import Glibc
import TFTPServer
import WireKit

func serveTFTP(_ arguments: Arguments) async {
  holdSignals()
  var configuration = TFTPServerConfiguration()
  configuration.readRoots = arguments.all("read")
  if let template = arguments.first("write") {
    configuration.writes = WritePolicy(template: template)
    configuration.writes?.onlyKnownClients = arguments.has("known-only")
  }
  configuration.usesSinglePort = arguments.has("single-port")
  configuration.sendsInSegments = !arguments.has("no-segments")
  configuration.maximumTransfersPerSource = 4_096
  do {
    let server = try TFTPServer.start(
      configuration, on: arguments.endpoints("listen"), clock: MachineClock(),
      events: ErrorOutput(threshold: arguments.has("verbose") ? .debug : .warning))
    for endpoint in server.endpoints { put("tftp \(endpoint)") }
    put("ready")
    await waitForEnd()
    await server.stop()
  } catch { arguments.fail("\(error)") }
}
