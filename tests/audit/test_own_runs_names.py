"""What the names of columns say, as programs and people write them."""

import pytest

from tlstudy.audit.own_runs.names import is_run, task_of, understood

NAMES = {
    ("train", "loss"): "train_loss TrainLoss train/loss Loss/train trainLoss loss_train tr_loss "
    "train_loss_epoch train_losses trainloss training.loss avg_train_loss Train_NLL train_cost "
    "train-cross-entropy train_total_loss Trainingsverlust train_logloss",
    ("validation", "loss"): "val_loss valid_loss eval_loss Validation_Loss Loss/validation va_loss "
    "dev_loss Validierungsverlust val_log_loss "
    "eval/loss val/epoch_loss valloss vl_loss evaluation_loss_vs_iterations",
    ("test", "loss"): "test_loss TestLoss Loss/test te_loss",
    (None, "loss"): "loss Logloss Verlust Loss epoch_loss total_loss loss_1 loss_avg",
    ("train", "accuracy"): "train_acc train/top1 trainAcc acc_train train_acc1 Train_Acc. "
    "train_sparse_categorical_accuracy train_acc@1 train/accuracy_step training_accuracy",
    (
        "validation",
        "accuracy",
    ): "val_accuracy Validierungsgenauigkeit val_acc_top1 valid_acc eval_top1 dv_acc val_prec@1 "
    "val_categorical_accuracy val/top-1",
    (None, "accuracy"): "accuracy acc metrics/accuracy_top1 metrics/accuracy_top1(B) accuracy/top1 "
    "Genauigkeit accuracy_top-1 Acc top1 mean_accuracy binary_accuracy",
    ("validation", "balanced_accuracy"): "val_balanced_accuracy val_bal_acc valBacc",
    (None, "error_rate"): "error_rate top1_err error err Fehlerrate",
    ("validation", "error_rate"): "val_err val_error valid-error",
    ("test", "error_rate"): "test_err testError",
    (None, "gradient_norm"): "grad_norm gradient_norm GradNorm grad_2.0_norm_total gnorm "
    "global_grad_norm grad/norm",
    (None, "learning_rate"): "lr Lernrate LR learning_rate lr/pg0 lr-Adam config/lr",
    (None, "epoch"): "epoch Epoche Epoch epochs trainer/epoch train/epoch current_epoch ep",
    (None, "step"): "step Step _step global_step iteration iter train/global_step batch "
    "time/total_timesteps trainer/global_step train/n_updates",
    (None, None): "time wall_time f1 mAP50-95(B) auc_1 loss_scale best_acc d_loss g_loss min_loss "
    "policy_loss mean_squared_error reconstruction_error "
    "value_loss grad_norm_max top5 acc5 accuracy_top5 epoch_time time/epoch(s) value "
    "n_parameters batch_size memory reported_accuracy reported_loss",
    ("validation", None): "val_f1 val_acc5 val_auc best_val_acc val_mae eval_runtime",
}


@pytest.mark.parametrize(
    ("name", "expected"), [(name, key) for key, names in NAMES.items() for name in names.split()]
)
def test_part_and_quantity(name, expected):
    found = understood(name)
    assert (found.part, found.quantity) == expected


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("loss", "box_loss"),
        ("train/cls_loss", "train/box_loss"),
        ("val_accuracy", "val_head_accuracy"),
        ("total_loss", "loss_rpn_cls"),
    ],
)
def test_a_name_with_fewer_other_words_is_nearer(better, worse):
    assert understood(better).cost < understood(worse).cost


def test_the_value_of_an_epoch_comes_before_that_of_a_step():
    order = ["train_loss_epoch", "train_loss", "train_loss_step"]
    assert sorted(order, key=lambda name: understood(name).granularity) == order


def test_columns_of_runs_and_tasks():
    assert [is_run(name) for name in ("run", "trial_id", "Fold", "lr")] == [True, True, True, False]
    assert task_of(["loss", "val_rmse"]) == "regression"
    assert task_of(["train/loss", "rollout/ep_rew_mean"]) == "reinforcement learning"
    assert task_of(["loss", "accuracy"]) is None
