// Embed serves embeddings over HTTP: the mean of the embedding rows of each text's tokens, through one quantized layer of
// an AWQ checkpoint, normalized.
//
//	embed -model DIR -layer model.layers.0.mlp.up_proj -listen localhost:8080
//	curl -d '{"tokens": [[1, 2, 3], [4, 5]]}' localhost:8080/embed
package main

import (
	"flag"
	"log"
	"net/http"
)

func main() {
	model := flag.String("model", ".", "directory of an AWQ checkpoint")
	layer := flag.String("layer", "model.layers.0.mlp.up_proj", "layer to project with")
	listen := flag.String("listen", "localhost:8080", "address to listen on")
	flag.Parse()
	service, err := NewService(*model, *layer)
	if err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	http.Handle("/embed", service)
	log.Printf("%d numbers for each text; listening on %s", service.Width(), *listen)
	log.Fatal(http.ListenAndServe(*listen, nil))
}
