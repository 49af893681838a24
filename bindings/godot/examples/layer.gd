extends Node

var layer := AwqMarlinLayer.new()

func _ready() -> void:
	var problem := layer.open("/models/llama-awq", "model.layers.0.mlp.up_proj")
	if problem:
		push_error(problem)

func think(x: PackedFloat32Array) -> PackedFloat32Array:
	var y := layer.run(x) # one row of N numbers for each row of K
	if y.is_empty():
		push_error(layer.error())
	return y
