// The sending half of a shop that uses segmentio/analytics-go: what it sends is in segment-programs.mjs.
// The environment names the server: HOST. Prints what became of the calls, as a line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

const ordersOfCleo = 100

type product = map[string]interface{}

// The transport answers the first request itself, as a server that is overloaded.
type transport struct{ requests, refused atomic.Int64 }

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if t.requests.Add(1) > 1 {
		return http.DefaultTransport.RoundTrip(request)
	}
	t.refused.Add(1)
	return &http.Response{
		StatusCode: 503,
		Status:     "503 Service Unavailable",
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader("{}")),
		Request:    request,
	}, nil
}

// Counts what became of messages.
type counts struct {
	delivered, failed atomic.Int64
	open              sync.WaitGroup
}

func (c *counts) Success(analytics.Message) {
	c.delivered.Add(1)
	c.open.Done()
}

func (c *counts) Failure(analytics.Message, error) {
	c.failed.Add(1)
	c.open.Done()
}

type silence struct{}

func (silence) Logf(string, ...interface{})   {}
func (silence) Errorf(string, ...interface{}) {}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newClient(key string, transport http.RoundTripper, counts *counts) analytics.Client {
	client, err := analytics.NewWithConfig(key, analytics.Config{
		Endpoint:   os.Getenv("HOST"),
		Interval:   50 * time.Millisecond,
		BatchSize:  3,
		Transport:  transport,
		Callback:   counts,
		Logger:     silence{},
		RetryAfter: func(int) time.Duration { return 20 * time.Millisecond },
	})
	check(err)
	return client
}

func main() {
	transport, counted := &transport{}, &counts{}
	client := newClient("web-key", transport, counted)
	send := func(messages ...analytics.Message) {
		for _, message := range messages {
			counted.open.Add(1)
			check(client.Enqueue(message))
		}
		counted.open.Wait()
	}
	view := func(user, anonymous, item string) analytics.Track {
		properties := analytics.Properties{"product_id": item}
		return analytics.Track{UserId: user, AnonymousId: anonymous, Event: "Product Viewed", Properties: properties}
	}
	order := func(user, id string, products ...product) analytics.Track {
		properties := analytics.Properties{"order_id": id, "currency": "EUR", "products": products}
		return analytics.Track{UserId: user, Event: "Order Completed", Properties: properties}
	}
	mug := product{"product_id": "mug", "price": 9.5, "quantity": 1}
	spoon := product{"product_id": "spoon", "price": 3, "quantity": 2}

	send(
		view("ben", "", "kettle"),
		view("ben", "", "tray"),
		view("", "browser-1", "mug"),
		analytics.Page{AnonymousId: "browser-1", Name: "Home", Properties: analytics.Properties{"path": "/"}},
		order("alice@old-shop", "order-3", spoon),
	)
	traits := analytics.Traits{"name": "Alice", "email": "alice@example.com", "age": 34, "vip": true}
	send(analytics.Identify{UserId: "alice", AnonymousId: "browser-1", Traits: traits})
	send(
		analytics.Group{UserId: "alice", GroupId: "tea-club", Traits: analytics.Traits{"plan": "gold"}},
		analytics.Screen{UserId: "alice", Name: "Basket"},
		order("alice", "order-4", mug, spoon),
		analytics.Alias{PreviousId: "alice@old-shop", UserId: "alice"},
	)
	orders := make([]analytics.Message, ordersOfCleo)
	for n := range orders {
		orders[n] = order("cleo", fmt.Sprintf("cleo-%d", n), mug)
	}
	send(orders...)
	check(client.Close())

	lost := &counts{}
	stranger := newClient("wrong-key", http.DefaultTransport, lost)
	lost.open.Add(1)
	check(stranger.Enqueue(analytics.Track{UserId: "alice", Event: "Lost"}))
	lost.open.Wait()
	check(stranger.Close())
	check(json.NewEncoder(os.Stdout).Encode(map[string]int64{
		"delivered": counted.delivered.Load(),
		"failed":    counted.failed.Load(),
		"requests":  transport.requests.Load(),
		"refused":   transport.refused.Load(),
		"lost":      lost.failed.Load(),
	}))
}
