import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Response;
import okhttp3.ResponseBody;

/**
 * The sending half of a shop that uses analytics-java: what it sends is in segment-programs.mjs.
 * The environment names the server: HOST. Prints what became of the calls, as a line of JSON.
 */
public final class Shop {
    private static final int ORDERS_OF_CLEO = 100;
    private static final Map<String, Object> MUG = Map.of("product_id", "mug", "price", 9.5, "quantity", 1);
    private static final Map<String, Object> SPOON = Map.of("product_id", "spoon", "price", 3, "quantity", 2);

    /** A client, with the counts of what became of its messages and requests. */
    private static final class Client implements Callback, Interceptor {
        final AtomicInteger delivered = new AtomicInteger();
        final AtomicInteger failed = new AtomicInteger();
        final AtomicInteger requests = new AtomicInteger();
        final int refusedMax;
        final Phaser open = new Phaser(1);
        final Analytics analytics;

        /** Answers so many of the first requests itself, as a server that is overloaded. */
        Client(String key, int refusedMax) {
            this.refusedMax = refusedMax;
            analytics = Analytics.builder(key)
                    .endpoint(System.getenv("HOST"))
                    .client(new OkHttpClient.Builder().addInterceptor(this).build())
                    .flushQueueSize(3)
                    .flushInterval(1, TimeUnit.SECONDS)
                    .callback(this)
                    .build();
        }

        void enqueue(List<? extends MessageBuilder<?, ?>> messages) {
            for (MessageBuilder<?, ?> message : messages) {
                open.register();
                analytics.enqueue(message);
            }
            analytics.flush();
        }

        void await() {
            open.arriveAndAwaitAdvance();
        }

        int refused() {
            return Math.min(refusedMax, requests.get());
        }

        @Override
        public void success(Message message) {
            delivered.incrementAndGet();
            open.arriveAndDeregister();
        }

        @Override
        public void failure(Message message, Throwable error) {
            failed.incrementAndGet();
            open.arriveAndDeregister();
        }

        @Override
        public Response intercept(Interceptor.Chain chain) throws java.io.IOException {
            if (requests.incrementAndGet() > refusedMax) {
                return chain.proceed(chain.request());
            }
            return new Response.Builder()
                    .request(chain.request())
                    .protocol(Protocol.HTTP_1_1)
                    .code(503)
                    .message("Service Unavailable")
                    .body(ResponseBody.create("{}", MediaType.get("application/json")))
                    .build();
        }
    }

    private static TrackMessage.Builder view(String item) {
        return TrackMessage.builder("Product Viewed").properties(Map.of("product_id", item));
    }

    private static TrackMessage.Builder order(String user, String id, List<Map<String, Object>> products) {
        Map<String, Object> properties = Map.of("order_id", id, "currency", "EUR", "products", products);
        return TrackMessage.builder("Order Completed").userId(user).properties(properties);
    }

    public static void main(String[] arguments) {
        // The library waits many seconds before it tries again, meanwhile the others send.
        Client retrying = new Client("web-key", 1);
        retrying.enqueue(List.of(view("kettle").userId("ben"), view("tray").userId("ben")));

        Client client = new Client("web-key", 0);
        client.enqueue(List.of(
                view("mug").anonymousId("browser-1"),
                PageMessage.builder("Home").anonymousId("browser-1").properties(Map.of("path", "/")),
                order("alice@old-shop", "order-3", List.of(SPOON))));
        client.await();
        Map<String, Object> traits = Map.of("name", "Alice", "email", "alice@example.com", "age", 34, "vip", true);
        client.enqueue(List.of(IdentifyMessage.builder().userId("alice").anonymousId("browser-1").traits(traits)));
        client.await();
        client.enqueue(List.of(
                GroupMessage.builder("tea-club").userId("alice").traits(Map.of("plan", "gold")),
                ScreenMessage.builder("Basket").userId("alice"),
                order("alice", "order-4", List.of(MUG, SPOON)),
                AliasMessage.builder("alice@old-shop").userId("alice")));
        client.await();
        client.enqueue(IntStream.range(0, ORDERS_OF_CLEO)
                .mapToObj(n -> order("cleo", "cleo-" + n, List.of(MUG)))
                .toList());
        client.await();

        Client stranger = new Client("wrong-key", 0);
        stranger.enqueue(List.of(TrackMessage.builder("Lost").userId("alice")));
        stranger.await();
        retrying.await();
        for (Client used : List.of(client, stranger, retrying)) {
            used.analytics.shutdown();
        }
        System.out.printf(
                "{\"delivered\":%d,\"failed\":%d,\"requests\":%d,\"refused\":%d,\"lost\":%d}%n",
                client.delivered.get() + retrying.delivered.get(),
                client.failed.get() + retrying.failed.get(),
                client.requests.get() + retrying.requests.get(),
                client.refused() + retrying.refused(),
                stranger.failed.get());
        System.exit(0);
    }
}
