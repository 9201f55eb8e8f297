import static org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig.USER_TOKEN_POLICY_ANONYMOUS;
import static org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig.USER_TOKEN_POLICY_USERNAME;
import static org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned.uint;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.eclipse.milo.opcua.sdk.core.AccessLevel;
import org.eclipse.milo.opcua.sdk.core.Reference;
import org.eclipse.milo.opcua.sdk.server.EndpointConfig;
import org.eclipse.milo.opcua.sdk.server.ManagedNamespaceWithLifecycle;
import org.eclipse.milo.opcua.sdk.server.OpcUaServer;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfig;
import org.eclipse.milo.opcua.sdk.server.OpcUaServerConfigLimits;
import org.eclipse.milo.opcua.sdk.server.identity.AnonymousIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.identity.CompositeValidator;
import org.eclipse.milo.opcua.sdk.server.identity.UsernameIdentityValidator;
import org.eclipse.milo.opcua.sdk.server.items.DataItem;
import org.eclipse.milo.opcua.sdk.server.items.MonitoredItem;
import org.eclipse.milo.opcua.sdk.server.nodes.UaVariableNode;
import org.eclipse.milo.opcua.sdk.server.util.SubscriptionModel;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.eclipse.milo.opcua.stack.core.security.DefaultApplicationGroup;
import org.eclipse.milo.opcua.stack.core.security.DefaultCertificateManager;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateQuarantine;
import org.eclipse.milo.opcua.stack.core.security.MemoryCertificateStore;
import org.eclipse.milo.opcua.stack.core.security.MemoryTrustListManager;
import org.eclipse.milo.opcua.stack.core.security.RsaSha256CertificateFactory;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.eclipse.milo.opcua.stack.core.transport.TransportProfile;
import org.eclipse.milo.opcua.stack.core.types.builtin.DataValue;
import org.eclipse.milo.opcua.stack.core.types.builtin.DateTime;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger;
import org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.Unsigned;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.structured.BuildInfo;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateBuilder;
import org.eclipse.milo.opcua.stack.core.util.SelfSignedCertificateGenerator;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransport;
import org.eclipse.milo.opcua.stack.transport.server.tcp.OpcTcpServerTransportConfig;

/**
 * An OPC UA server of Eclipse Milo with the limits of a small PLC: 100 monitored items or nodes a call, no publishing faster than 250 ms.
 * Arguments: port, how many namespaces come before its own, and the file that keeps its key and certificate. Prints its port; ends when its standard input does. A line "close" on it
 * closes every session and its subscriptions.
 */
public final class MiloServer {
  private static final String NAMESPACE = "urn:headgate:test:milo";
  private static final String APPLICATION = "urn:headgate:test:milo:server";
  private static final int COUNTERS = 250;

  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[0]);
    int before = Integer.parseInt(args[1]);
    Security.addProvider(new BouncyCastleProvider());
    Path kept = Path.of(args[2]);
    if (!Files.exists(kept)) {
      KeyPair made = SelfSignedCertificateGenerator.generateRsaKeyPair(2048);
      X509Certificate signed =
          new SelfSignedCertificateBuilder(made)
              .setCommonName("Milo")
              .setApplicationUri(APPLICATION)
              .addDnsName("localhost")
              .addIpAddress("127.0.0.1")
              .build();
      try (var out = new ObjectOutputStream(Files.newOutputStream(kept))) {
        out.writeObject(made);
        out.writeObject(signed);
      }
    }
    KeyPair keys;
    X509Certificate certificate;
    try (var in = new ObjectInputStream(Files.newInputStream(kept))) {
      keys = (KeyPair) in.readObject();
      certificate = (X509Certificate) in.readObject();
    }
    OpcUaServer server = new OpcUaServer(config(port, keys, certificate), profile -> new OpcTcpServerTransport(OpcTcpServerTransportConfig.newBuilder().build()));
    for (int i = 0; i < before; i++) server.getNamespaceTable().add("urn:headgate:test:before:" + i);
    Line line = new Line(server);
    line.startup();
    server.startup().get();
    System.out.println(port);
    System.out.flush();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String command = input.readLine(); command != null; command = input.readLine()) {
      if (!command.equals("close")) continue;
      for (var session : new ArrayList<>(server.getSessionManager().getAllSessions())) {
        server.getSessionManager().killSession(session.getSessionId(), true);
      }
    }
    System.exit(0);
  }

  private static OpcUaServerConfig config(int port, KeyPair keys, X509Certificate certificate) throws Exception {
    var quarantine = new MemoryCertificateQuarantine();
    var factory =
        new RsaSha256CertificateFactory() {
          @Override
          protected KeyPair createRsaSha256KeyPair() {
            return keys;
          }

          @Override
          protected X509Certificate[] createRsaSha256CertificateChain(KeyPair pair) {
            return new X509Certificate[] {certificate};
          }
        };
    var group =
        DefaultApplicationGroup.createAndInitialize(
            new MemoryTrustListManager(),
            new MemoryCertificateStore(),
            factory,
            new CertificateValidator.InsecureCertificateValidator());
    var users = new UsernameIdentityValidator(it -> it.getUsername().equals("gateway") && it.getPassword().equals("geheim"));
    return OpcUaServerConfig.builder()
        .setApplicationUri(APPLICATION)
        .setApplicationName(LocalizedText.english("Milo"))
        .setProductUri(APPLICATION)
        .setBuildInfo(new BuildInfo(APPLICATION, "headgate", "test", OpcUaServer.SDK_VERSION, "", DateTime.now()))
        .setEndpoints(endpoints(port, certificate))
        .setCertificateManager(new DefaultCertificateManager(quarantine, group))
        .setIdentityValidator(new CompositeValidator(AnonymousIdentityValidator.INSTANCE, users))
        .setLimits(new SmallPlc())
        .build();
  }

  private static Set<EndpointConfig> endpoints(int port, X509Certificate certificate) {
    var endpoints = new LinkedHashSet<EndpointConfig>();
    var base =
        EndpointConfig.newBuilder()
            .setTransportProfile(TransportProfile.TCP_UASC_UABINARY)
            .setBindAddress("127.0.0.1")
            .setBindPort(port)
            .setHostname("127.0.0.1")
            .setPath("/test")
            .setCertificate(certificate);
    endpoints.add(
        base.copy()
            .setSecurityPolicy(SecurityPolicy.None)
            .setSecurityMode(MessageSecurityMode.None)
            .addTokenPolicies(USER_TOKEN_POLICY_ANONYMOUS)
            .build());
    for (SecurityPolicy policy : List.of(SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss)) {
      endpoints.add(
          base.copy()
              .setSecurityPolicy(policy)
              .setSecurityMode(MessageSecurityMode.SignAndEncrypt)
              .addTokenPolicies(USER_TOKEN_POLICY_USERNAME)
              .build());
    }
    return endpoints;
  }

  private static final class SmallPlc implements OpcUaServerConfigLimits {
    @Override
    public UInteger getMaxMonitoredItemsPerCall() {
      return uint(100);
    }

    @Override
    public UInteger getMaxNodesPerRead() {
      return uint(100);
    }

    @Override
    public Double getMinPublishingInterval() {
      return 250.0;
    }
  }

  private static final class Line extends ManagedNamespaceWithLifecycle {
    private final SubscriptionModel subscriptions;

    Line(OpcUaServer server) {
      super(server, NAMESPACE);
      subscriptions = new SubscriptionModel(server, this);
      getLifecycleManager().addLifecycle(subscriptions);
      getLifecycleManager().addStartupTask(this::addNodes);
    }

    private void addNodes() {
      fixed("Bool", NodeIds.Boolean, true);
      fixed("SByte", NodeIds.SByte, (byte) -7);
      fixed("Byte", NodeIds.Byte, Unsigned.ubyte(200));
      fixed("Int16", NodeIds.Int16, (short) -1234);
      fixed("UInt16", NodeIds.UInt16, Unsigned.ushort(54321));
      fixed("Int32", NodeIds.Int32, -7654321);
      fixed("UInt32", NodeIds.UInt32, uint(4000000000L));
      fixed("Int64", NodeIds.Int64, -9007199254740993L);
      fixed("UInt64", NodeIds.UInt64, Unsigned.ulong("9223372036854775813"));
      fixed("Float", NodeIds.Float, 3.25f);
      fixed("Double", NodeIds.Double, -2.5e-7);
      fixed("Text", NodeIds.String, "läuft");
      fixed("When", NodeIds.DateTime, new DateTime(Instant.parse("2026-01-02T03:04:05Z")));
      fixed("NotANumber", NodeIds.Double, Double.NaN);
      UaVariableNode doubtful = node("Doubtful", NodeIds.Double);
      doubtful.setValue(
          new DataValue(
              new Variant(1.5),
              new StatusCode(StatusCodes.Uncertain_LastUsableValue),
              new DateTime(Instant.parse("2026-01-02T03:04:05Z"))));
      UaVariableNode broken = node("Broken", NodeIds.Double);
      broken.setValue(new DataValue(Variant.NULL_VALUE, new StatusCode(StatusCodes.Bad_SensorFailure), DateTime.now()));
      UaVariableNode secret = node("WriteOnly", NodeIds.Int32);
      secret.setValue(new DataValue(new Variant(42)));
      secret.setAccessLevel(AccessLevel.toValue(AccessLevel.WRITE_ONLY));
      secret.setUserAccessLevel(AccessLevel.toValue(AccessLevel.WRITE_ONLY));

      List<UaVariableNode> counters = new ArrayList<>();
      for (int i = 0; i < COUNTERS; i++) counters.add(node("Counter" + i, NodeIds.Int32));
      int[] count = {0};
      Runnable step =
          () -> {
            DataValue value = new DataValue(new Variant(++count[0]), StatusCode.GOOD, DateTime.now());
            for (UaVariableNode counter : counters) counter.setValue(value);
          };
      step.run();
      Executors.newSingleThreadScheduledExecutor(task -> daemon(task)).scheduleAtFixedRate(step, 100, 100, TimeUnit.MILLISECONDS);
    }

    private static Thread daemon(Runnable task) {
      Thread thread = new Thread(task);
      thread.setDaemon(true);
      return thread;
    }

    private void fixed(String name, NodeId type, Object value) {
      node(name, type).setValue(new DataValue(new Variant(value), StatusCode.GOOD, DateTime.now()));
    }

    private UaVariableNode node(String name, NodeId type) {
      UaVariableNode node =
          new UaVariableNode.UaVariableNodeBuilder(getNodeContext())
              .setNodeId(newNodeId("Line." + name))
              .setAccessLevel(AccessLevel.READ_ONLY)
              .setUserAccessLevel(AccessLevel.READ_ONLY)
              .setBrowseName(newQualifiedName(name))
              .setDisplayName(LocalizedText.english(name))
              .setDataType(type)
              .setTypeDefinition(NodeIds.BaseDataVariableType)
              .build();
      getNodeManager().addNode(node);
      node.addReference(new Reference(node.getNodeId(), NodeIds.Organizes, NodeIds.ObjectsFolder.expanded(), false));
      return node;
    }

    @Override
    public void onDataItemsCreated(List<DataItem> items) {
      subscriptions.onDataItemsCreated(items);
    }

    @Override
    public void onDataItemsModified(List<DataItem> items) {
      subscriptions.onDataItemsModified(items);
    }

    @Override
    public void onDataItemsDeleted(List<DataItem> items) {
      subscriptions.onDataItemsDeleted(items);
    }

    @Override
    public void onMonitoringModeChanged(List<MonitoredItem> items) {
      subscriptions.onMonitoringModeChanged(items);
    }
  }
}
